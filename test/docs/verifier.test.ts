import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../scripts/run.ts'
import { settingsOf, type VerifierOptions } from '../../src/verifier/verification/verifier-options.ts'
import { eventually } from '../builders/eventually.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { FakeAuthority } from '../fakes/authority.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../builders/token.ts'

/** The programs of docs/guides/verifier.md, run as they stand but for ports and places. */
const page = await readFile(join(root, 'docs/guides/verifier.md'), 'utf8')
const [express = '', plain = '', byHand = '', mountedToken = '', exchanged = '', ...others] = [
  ...page.matchAll(/```ts\n([\s\S]*?)```/g),
].map(([, program]) => program ?? '')

let authority: FakeAuthority
let mount: SecretFolder
let scratch: string
let good: string
let port: number
const children: { readonly child: ChildProcess; readonly ended: Promise<number | null> }[] = []

beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.keys = [{ ...keys.ES256.publicJwk, sub: subject }]
  scratch = await mkdtemp(join(tmpdir(), 'signet-docs-'))
  mount = await SecretFolder.create()
  const iat = Math.floor(Date.now() / 1000)
  const token = (aud: string) => makeToken({ claims: { iss: authority.issuer, aud, iat, nbf: iat, exp: iat + 3600 } })
  good = await token('payments')
  authority.instead.set('/token', (_, response) => {
    void token('ledger').then((ledger) => {
      const type = 'urn:ietf:params:oauth:token-type:jwt'
      const answer = { access_token: ledger, issued_token_type: type, token_type: 'Bearer', expires_in: 300 }
      response.end(JSON.stringify(answer))
    })
  })
  await mount.write({ 'payments.jwt': good, 'ca.crt': authority.ca })
  await writeFile(join(scratch, 'service-account'), good)
  ;[port = 0] = await freePorts(1)
})

// The next program takes the same port: nothing of the last one may answer there.
afterEach(async () => {
  for (const { child, ended } of children.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
})

afterAll(async () => {
  await authority.stop()
  await mount.remove()
  await rm(scratch, { recursive: true, force: true })
})

interface Running {
  output: string
  readonly ended: Promise<number | null>
}

async function start(program: string, ...parameters: string[]): Promise<Running> {
  const contents = program
    .replaceAll('8080', String(port))
    .replace('http://payments', 'http://127.0.0.1')
    .replace('/var/run/secrets/service-account/token', join(scratch, 'service-account'))
  const outfile = join(scratch, `program-${children.length}.mjs`)
  await build({
    stdin: { contents, loader: 'ts', resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: { '@signet-dev/signet/verifier': join(root, 'src/verifier/index.ts') },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  const env = { SIGNET_DIR: mount.path, SIGNET_ISSUER: authority.issuer }
  const child = spawn(process.execPath, [outfile, ...parameters], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  children.push({ child, ended })
  const running: Running = { output: '', ended }
  child.stdout.on('data', (part: Buffer) => (running.output += part.toString()))
  return running
}

const call = (token?: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/charge`, {
    method: 'POST',
    headers: { connection: 'close', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  })

describe('docs/guides/verifier.md', () => {
  it('has five programs, one of which is in the README too', async () => {
    expect(await readFile(join(root, 'README.md'), 'utf8')).toContain(plain)
    expect(others).toEqual([])
    expect(exchanged).toContain('exchange')
  })

  it('shows a service on express, and a caller of it', async () => {
    const running = await start(express)
    await eventually(async () => expect(await (await call(good)).json()).toEqual({ caller: subject }))
    expect((await call(`${good}x`)).status).toBe(401)
    await eventually(() => expect(running.output).toBe('refused ERR_TOKEN_MALFORMED\n'))
    const caller = await start(mountedToken)
    expect([await caller.ended, caller.output]).toEqual([0, '200\n'])
  })

  it('shows a service without a framework', async () => {
    await start(plain)
    await eventually(async () => expect(await (await call(good)).text()).toBe('hello orders of shop\n'))
    expect((await call()).headers.get('www-authenticate')).toBe('Bearer')
  })

  it('shows how to verify by hand', async () => {
    const accepted = await start(byHand, good)
    expect([await accepted.ended, accepted.output]).toEqual([0, `${subject}\n`])
    const refused = await start(byHand, 'a.b.c')
    expect([await refused.ended, refused.output]).toEqual([0, 'refused ERR_TOKEN_MALFORMED\n'])
  })

  it('shows how to exchange a token', async () => {
    const running = await start(exchanged)
    expect([await running.ended, running.output]).toEqual([0, '3 parts\n'])
  })

  it('names every option but those for tests', () => {
    const all: Record<keyof VerifierOptions, true> = {
      issuer: true,
      audience: true,
      algorithms: true,
      profile: true,
      skewMs: true,
      maxLifetimeMs: true,
      revocations: true,
      revocationsUrl: true,
      revocationsRefreshMs: true,
      maxRevocationsAgeMs: true,
      maxRevocationsBytes: true,
      maxRevocations: true,
      keysRefreshMs: true,
      keysCoolDownMs: true,
      maxKeysAgeMs: true,
      maxKeysBytes: true,
      maxCacheBytes: true,
      timeoutMs: true,
      logger: true,
      ca: true,
      caFile: true,
      allowHttpLoopback: true,
    }
    const [, options = ''] = page.split('## Options')
    const missing = Object.keys(all).filter((name) => !options.includes(`\`${name}\``))
    expect(missing).toEqual(['allowHttpLoopback'])
    const pod = { directory: '', tokenFile: '', trustBundleFile: 'ca.crt', issuer: 'https://issuer.example' }
    const defaults = settingsOf({ audience: 'payments' }, pod)
    expect([defaults.skewMs, defaults.keys.refreshMs, defaults.keys.coolDownMs]).toEqual([60_000, 60_000, 30_000])
    expect([defaults.revocations?.refreshMs, defaults.timeoutMs, defaults.revocations?.maxEntries]).toEqual([
      5000, 5000, 100_000,
    ])
  })
})
