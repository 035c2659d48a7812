import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs the command line without any cluster in reach; ended after 50 s. */
function signet(...parameters: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { PATH: process.env['PATH'], HOME: join(tmpdir(), 'nobody-is-at-home') }
  const child = spawn(process.execPath, [main, ...parameters], { env, timeout: 50_000, killSignal: 'SIGKILL' })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (part: Buffer) => (output.stdout += part.toString()))
  child.stderr.on('data', (part: Buffer) => (output.stderr += part.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...output })))
}

describe('the command line', () => {
  it('says what each command does and how each setting is given', async () => {
    const { code, stdout } = await signet('controller', '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('--trust-domain <NAME>')
    expect(stdout).toContain('env: SIGNET_TRUST_DOMAIN, default: cluster.local')
  })

  it.each(['controller', 'webhook', 'authority'])('lets %s be told whose tokens share an issuer', async (command) => {
    const { stdout } = await signet(command, '--help')
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      '--issuer-scope <SCOPE> which tokens share an issuer: cluster, namespace, identity ' +
        '(env: SIGNET_ISSUER_SCOPE, default: cluster)',
    )
  })

  it.each(['controller', 'authority'])('%s says that there is no cluster, and ends', async (command) => {
    const { code, stderr } = await signet(command, '--metrics-port', '0', '--probe-port', '0')
    expect(stderr).toBe(
      'signet: no cluster found: not running in a pod, and no kubeconfig exists; pass --kubeconfig FILE\n',
    )
    expect(code).toBe(1)
  })

  it('names the flag whose value it cannot use, with exit code 2', async () => {
    const { code, stderr } = await signet('webhook', '--port', 'https')
    expect(stderr).toBe('signet: --port: cannot use "https": give a whole number from 0 to 65535\n')
    expect(code).toBe(2)
  })

  it('refuses an unknown command or flag and shows the help', async () => {
    for (const parameters of [['reconcile'], ['controller', '--bogus']]) {
      const { code, stderr } = await signet(...parameters)
      expect(stderr).toMatch(/unknown (command|option)/)
      expect(stderr).toContain('Usage:')
      expect(code).toBe(1)
    }
  })
})
