import { spawn } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { bundlePlugin } from '../../../scripts/bundle.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { startFakeApiServer } from '../../fakes/api-server.ts'
import { makeToken } from '../../builders/token.ts'

let directory: string
let file: string

// Outside any package, as where it is installed: there Node has nothing but the file itself to go by.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-plugin-'))
  file = join(directory, 'kubectl-signet')
  await bundlePlugin(file)
}, 120_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built file by its own name, without any cluster in reach; ended after 50 s. */
function plugin(parameters: readonly string[], input = ''): Promise<Ran> {
  const env = { PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter), HOME: directory }
  const child = spawn(file, parameters, { env, timeout: 50_000, killSignal: 'SIGKILL' })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (part: Buffer) => (output.stdout += part.toString()))
  child.stderr.on('data', (part: Buffer) => (output.stderr += part.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...output }))
  })
}

const noCluster =
  'kubectl signet: no cluster found: not running in a pod, and no kubeconfig exists; pass --kubeconfig FILE\n'

describe('the built plugin', () => {
  it('is one executable file', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o755)
  })

  it('shows its commands', async () => {
    const { code, stdout, stderr } = await plugin(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const name of ['list', 'show', 'rotate-key', 'revoke-key', 'revoke-token', 'decode']) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    }
  })

  it.each([[['lst']], [['show']], [['revoke-token', 'orders', '--yes']]])('ends %j with exit code 2', async (given) => {
    const { code, stdout, stderr } = await plugin(given)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).not.toBe('')
  })

  it('says that there is no cluster', async () => {
    expect(await plugin(['list'])).toEqual({ code: 1, stdout: '', stderr: noCluster })
  })

  it('names the kubeconfig that it cannot read', async () => {
    const { code, stderr } = await plugin(['list', '--kubeconfig', join(directory, 'none')])
    expect(code).toBe(1)
    expect(stderr).toContain(`cannot read kubeconfig ${join(directory, 'none')}`)
  })

  it("asks the kubeconfig's exec plugin who the user is", async () => {
    const fake = await startFakeApiServer()
    onTestFinished(() => fake.stop())
    fake.tokens = new Set(['from-the-plugin'])
    fake.put(resources.serviceIdentities, { metadata: { name: 'orders', namespace: 'bank' } })
    const apiVersion = 'client.authentication.k8s.io/v1'
    const credential = { apiVersion, kind: 'ExecCredential', status: { token: 'from-the-plugin' } }
    const script = `process.stdout.write(${JSON.stringify(JSON.stringify(credential))})`
    const exec = { apiVersion, command: process.execPath, args: ['-e', script], interactiveMode: 'Never' }
    const { server, ca = '', serverName } = fake.config
    const cluster = { server, 'certificate-authority-data': btoa(ca), 'tls-server-name': serverName }
    const path = join(directory, 'exec.kubeconfig')
    await writeFile(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { exec } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'bank' } }],
      }),
    )
    const { code, stdout, stderr } = await plugin(['list', '-o', 'yaml', '--context', 'x', '--kubeconfig', path])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('name: orders')
  })

  it('decodes standard input and a file without a cluster, and shows no part of the token', async () => {
    const token = await makeToken()
    const path = join(directory, 'token')
    await writeFile(path, token)
    for (const given of [['decode'], ['decode', '-o', 'json'], ['decode', '-o', 'yaml'], ['decode', path]]) {
      const { code, stdout, stderr } = await plugin(given, `${token}\n`)
      expect(code).toBe(0)
      expect(stdout).toContain('spiffe://cluster.local/ns/shop/sa/orders')
      for (const part of token.split('.')) expect(stdout + stderr).not.toContain(part)
    }
  })

  it('shows no part of a token in whatever form it is given wrongly', { timeout: 180_000 }, async () => {
    const token = await makeToken()
    const [header = '', claims = '', signature = ''] = token.split('.')
    const wrong: [string[], string][] = [
      [['decode', token], ''],
      [['decode', '--identity', token], ''],
      [[token], ''],
      [['revoke-token', 'orders', '--token-id', token, '-y'], ''],
      [['revoke-token', 'orders', `--token=${token}`, '-y'], ''],
      [['decode'], `${token}.${signature}`],
      [['decode'], `${header}.${claims}.${signature}=`],
      [['decode'], `Bearer ${token}`],
    ]
    for (const [given, input] of wrong) {
      const { code, stdout, stderr } = await plugin(given, input)
      expect(code).not.toBe(0)
      expect(stderr).not.toBe('')
      for (const part of [header, claims, signature]) expect(stdout + stderr).not.toContain(part)
    }
  })

  it('shows no token that another one carries as a claim', async () => {
    const inner = await makeToken()
    const { code, stdout } = await plugin(['decode'], await makeToken({ claims: { act: { jwt: inner } } }))
    expect(code).toBe(0)
    expect(stdout).toContain('[redacted]')
    for (const part of inner.split('.')) expect(stdout).not.toContain(part)
  })

  it('reads no more than a token can be', async () => {
    const { code, stderr } = await plugin(['decode'], 'x'.repeat(1 << 20))
    expect([code, stderr]).toEqual([
      2,
      'kubectl signet: standard input has more than 65536 bytes, and no token is that long\n',
    ])
  })

  it('names the file that it cannot read', async () => {
    const { code, stderr } = await plugin(['decode', join(directory, 'absent')])
    expect(code).toBe(1)
    expect(stderr).toContain('absent')
  })
})
