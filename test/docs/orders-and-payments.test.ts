import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildExample } from '../../scripts/build-example.ts'
import { eventually } from '../builders/eventually.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import { FakeAuthority } from '../fakes/authority.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../builders/token.ts'

let authority: FakeAuthority
let mount: SecretFolder
let bundles: string
let payments: ChildProcess | undefined
let env: NodeJS.ProcessEnv
let log = ''

/** As a pod finds it: files and environment. */
beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.keys = [{ ...keys.ES256.publicJwk, sub: subject }]
  mount = await SecretFolder.create()
  bundles = await mkdtemp(join(tmpdir(), 'signet-example-'))
  await buildExample(bundles)
  const iat = Math.floor(Date.now() / 1000)
  const token = (aud: string) =>
    makeToken({ claims: { iss: authority.issuer, aud, iat, nbf: iat, exp: iat + 3600, jti: aud } })
  await mount.write({
    'payments.jwt': await token('payments'),
    'ledger.jwt': await token('ledger'),
    'ca.crt': authority.ca,
  })
  const [port = 0] = await freePorts(1)
  env = {
    PORT: String(port),
    PAYMENTS_URL: `http://127.0.0.1:${port}/charge`,
    SIGNET_DIR: mount.path,
    SIGNET_ISSUER: authority.issuer,
  }
}, 120_000)

/** Payments as a process of its own: there is none yet, or a test, or its first try, has ended it. */
beforeEach(async () => {
  if (payments?.exitCode === null) return
  payments = spawn(process.execPath, [join(bundles, 'payments.mjs')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  payments.stdout?.on('data', (part: Buffer) => (log += part.toString()))
  await eventually(async () => {
    expect((await fetch(`http://127.0.0.1:${env['PORT']}/healthz`)).status).toBe(200)
  }, 60_000)
}, 120_000)

afterAll(async () => {
  if (payments?.exitCode === null) {
    const ended = once(payments, 'exit')
    payments.kill('SIGKILL')
    await ended
  }
  await authority.stop()
  await mount.remove()
  await rm(bundles, { recursive: true, force: true })
})

async function orders(...parameters: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(bundles, 'orders.mjs'), ...parameters], {
    env,
    timeout: 50_000,
  })
  return stdout.trim()
}

describe('orders and payments', () => {
  it('know each other', async () => {
    expect(await orders('call')).toBe(`200 {"charged":true,"caller":"${subject}"}`)
  })

  it.each([
    ['none', '401 Bearer', 'ERR_TOKEN_MISSING'],
    ['ledger', '401 Bearer error="invalid_token"', 'ERR_TOKEN_AUDIENCE'],
    ['altered', '401 Bearer error="invalid_token"', 'ERR_TOKEN_SIGNATURE'],
  ])('%s is answered %s, and why is in the log', async (kind, answer, code) => {
    expect(await orders('call', kind)).toBe(answer)
    await eventually(() => expect(log).toContain(`refused: ${code}\n`))
  })

  it('show what a token says, and never the token', async () => {
    const shown = await orders('claims')
    expect(shown).toContain(`"sub": "${subject}"`)
    expect(shown).not.toContain('eyJ')
  })

  it('end when they are told to', async () => {
    const ended = once(payments!, 'exit')
    payments?.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(log).not.toContain('eyJ')
  })
})
