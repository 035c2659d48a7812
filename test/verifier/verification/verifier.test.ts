import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { LogFields } from '../../../src/logger.ts'
import { silentLogger } from '../../../src/logger.ts'
import { createVerifier, type Verifier } from '../../../src/verifier/verification/verifier.ts'
import type { VerifierOptions } from '../../../src/verifier/verification/verifier-options.ts'
import { eventually } from '../../builders/eventually.ts'
import { ServingAuthority } from '../../builders/serving-certificate.ts'
import { FakeAuthority } from '../../fakes/authority.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { makeToken, subject } from '../../builders/token.ts'

// What is still held is what counts, and not what happens to lie about.
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let authority: FakeAuthority
const verifiers: Verifier[] = []

beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.keys = [keys.ES256.publicJwk]
})

afterEach(() => {
  for (const verifier of verifiers.splice(0)) verifier.close()
  // What they still had on its way is not for the next test to count.
  authority.drop()
  authority.instead.clear()
  authority.seen.length = 0
  authority.keys = [keys.ES256.publicJwk]
  authority.revocations = []
})

afterAll(() => authority.stop())

/** One that looks again all the time, so that tests need not wait. */
function verifierOf(options: Partial<VerifierOptions> = {}): Verifier {
  const quick = { revocationsRefreshMs: 20, keysRefreshMs: 20, keysCoolDownMs: 20 }
  const base = { issuer: authority.issuer, audience: 'payments', ca: authority.ca }
  const verifier = createVerifier({ ...base, ...quick, ...options })
  verifiers.push(verifier)
  return verifier
}

const token = (jti = 'one', key = keys.ES256): Promise<string> => {
  const iat = Math.floor(Date.now() / 1000)
  return makeToken({ key, claims: { iss: authority.issuer, iat, nbf: iat, exp: iat + 300, jti } })
}

describe('a verifier', () => {
  it('verifies with keys and revocations that it has fetched over TLS', async () => {
    const verifier = verifierOf()
    const good = await token()
    expect(verifier.notReady()).toBe('keys have not been loaded yet')
    await expect(verifier.verify(good)).resolves.toMatchObject({ claims: { sub: subject } })
    expect(verifier.cached(good)?.claims.jti).toBe('one')
    expect(verifier.notReady()).toBeUndefined()
    expect(verifier.health()).toMatchObject({
      keys: { count: 1, problem: undefined },
      revocations: { count: 0, unknown: 0, problem: undefined },
      cached: 1,
    })
  })

  it('I5: refuses what is revoked from the next look on, remembered or not', async () => {
    const verifier = verifierOf()
    const good = await token()
    await verifier.verify(good)
    authority.revocations = [{ sub: subject, jti: 'one', exp: Date.now() / 1000 + 3600 }]
    await eventually(() => expect(verifier.cached(good)).toBeUndefined())
    await expect(verifier.verify(good)).rejects.toMatchObject({ code: 'ERR_TOKEN_REVOKED' })
    await expect(verifier.verify(await token('two'))).resolves.toBeDefined()
  })

  it('I1: verifies with a key that was published a moment ago', async () => {
    const verifier = verifierOf({ keysRefreshMs: 60_000 })
    await verifier.ready()
    authority.keys = [keys.ES256.publicJwk, keys.other.publicJwk]
    await eventually(async () => verifier.verify(await token('one', keys.other)))
  })

  it('I5: learns what is revoked, although an answer of a proxy once switched protocols', async () => {
    const verifier = verifierOf({ timeoutMs: 500 })
    const good = await token()
    await verifier.verify(good)
    authority.instead.set('/revocations', (request) => {
      authority.instead.clear()
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    })
    await eventually(() => expect(authority.instead.size).toBe(0))
    authority.revocations = [{ sub: subject, jti: 'one', exp: Math.ceil(Date.now() / 1000) + 600 }]
    await eventually(() => expect(verifier.verify(good)).rejects.toMatchObject({ code: 'ERR_TOKEN_REVOKED' }))
  })

  it('waits for keys as long as its caller asks, without a limit too', async () => {
    authority.instead.set('/jwks.json', () => undefined)
    const verifier = verifierOf()
    const ready = verifier.ready(Number.POSITIVE_INFINITY).catch((error: unknown) => String(error))
    await eventually(() => expect(authority.count('/jwks.json')).toBeGreaterThan(0))
    // A timer without end would be over at once.
    expect(await Promise.race([ready, sleep(50, 'waits')])).toBe('waits')
  })

  it('asks with a validator, and is told in a few bytes that nothing has changed', async () => {
    const verifier = verifierOf()
    await verifier.ready()
    await eventually(() => {
      expect(
        authority.seen.filter(({ path, status }) => path === '/jwks.json' && status === 304).length,
      ).toBeGreaterThan(2)
      expect(authority.seen.filter(({ path, status }) => path === '/revocations' && status === 304)).not.toEqual([])
    })
    expect(authority.seen.filter(({ path, status }) => path === '/jwks.json' && status === 200)).toHaveLength(1)
  })

  it('I1: verifies on while the authority is gone, says so once, and recovers by itself', async () => {
    const lines: [string, LogFields | undefined][] = []
    const note = (message: string, fields?: LogFields): void => void lines.push([message, fields])
    const verifier = verifierOf({ logger: { ...silentLogger, warn: note, info: note } })
    await verifier.ready()
    for (const path of ['/jwks.json', '/revocations']) {
      authority.instead.set(path, (_, response) => response.writeHead(500).end())
    }
    await eventually(() =>
      expect(verifier.health()).toMatchObject({ keys: { problem: expect.stringContaining('500') as unknown } }),
    )
    await eventually(() => expect(verifier.health().revocations?.problem).toContain('500'))
    await expect(verifier.verify(await token('new'))).resolves.toBeDefined()
    await sleep(100)
    expect(lines.map(([message]) => message).sort()).toEqual([
      'keys cannot be fetched, using the last ones',
      'revocations cannot be fetched, using the last ones',
    ])
    authority.instead.clear()
    await eventually(() => expect(lines).toHaveLength(4))
    expect(verifier.health().keys.problem).toBeUndefined()
  })

  it('I6: cannot tell before it has keys, and says so with the time to ask again', async () => {
    authority.instead.set('/.well-known/openid-configuration', (_, response) => response.writeHead(503).end())
    const verifier = verifierOf()
    await expect(verifier.verify(await token())).rejects.toMatchObject({
      code: 'ERR_VERIFIER_UNAVAILABLE',
      retryAfter: 1,
    })
    await expect(verifier.ready(50)).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
    authority.instead.clear()
    await verifier.ready()
  })

  it('I6: accepts nothing before it knows what is revoked, unless that is optional or off', async () => {
    authority.instead.set('/revocations', (_, response) => response.writeHead(404).end())
    const good = await token()
    await expect(verifierOf().verify(good)).rejects.toThrow(/publishes no revocations/)
    await expect(verifierOf({ revocations: 'optional' }).verify(good)).resolves.toBeDefined()
    authority.seen.length = 0
    const off = verifierOf({ revocations: 'off' })
    await expect(off.verify(good)).resolves.toBeDefined()
    expect(authority.count('/revocations')).toBe(0)
    expect(off.health().revocations).toBeUndefined()
  })

  it('believes no document of another issuer', async () => {
    authority.instead.set('/.well-known/openid-configuration', (_, response) => {
      response.end(JSON.stringify({ issuer: 'https://other.example', jwks_uri: `${authority.issuer}/jwks.json` }))
    })
    const verifier = verifierOf()
    await eventually(() => expect(verifier.health().keys.problem).toContain('belongs to another issuer'))
    await expect(verifier.ready(100)).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
    expect(authority.count('/jwks.json')).toBe(0)
  })

  it('trusts the mounted bundle, and what takes its place', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signet-verifier-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const caFile = join(directory, 'ca.crt')
    const other = await ServingAuthority.create()
    await writeFile(caFile, other.ca)
    const { ca: _ca, ...options } = { ca: '', issuer: authority.issuer, audience: 'payments', caFile }
    const verifier = createVerifier({ ...options, keysCoolDownMs: 20, revocationsRefreshMs: 20 })
    verifiers.push(verifier)
    await eventually(() => expect(verifier.health().keys.problem).toMatch(/CERT|SIGNATURE/))
    await expect(verifier.ready(100)).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
    await writeFile(caFile, `${other.ca}${authority.ca}`)
    await verifier.ready()
  })

  it('fetches no more once it is closed, and verifies on with what it has', async () => {
    const verifier = verifierOf()
    await verifier.ready()
    verifier.close()
    // Requests that are under way still come.
    await eventually(async () => {
      const before = authority.seen.length
      await sleep(100)
      expect(authority.seen.length).toBe(before)
    })
    await expect(verifier.verify(await token())).resolves.toBeDefined()
  })
})

describe('under attack and fault', () => {
  it.each<[string, (response: Parameters<Parameters<typeof authority.instead.set>[1]>[1]) => void]>([
    ['empty', (response) => response.end('{"keys":[]}')],
    ['garbage', (response) => response.end('<html>bad gateway</html>')],
    ['huge', (response) => response.end(Buffer.alloc(70_000, ' '))],
    ['endless', (response) => void response.write('{"keys":[')],
    ['a redirect', (response) => response.writeHead(302, { location: 'https://attacker.example/jwks.json' }).end()],
    ['cut off', (response) => (response.writeHead(200, { 'content-length': '99' }).write('{"k'), response.destroy())],
  ])('I1: known keys verify on where the JWK Set is %s', async (_, answer) => {
    const verifier = verifierOf({ maxKeysBytes: 64_000, timeoutMs: 1_000 })
    await verifier.ready()
    authority.instead.set('/jwks.json', (__, response) => answer(response))
    await eventually(() => expect(verifier.health().keys.problem).not.toBeUndefined())
    await expect(verifier.verify(await token('during'))).resolves.toBeDefined()
    authority.instead.clear()
    await eventually(() => expect(verifier.health().keys.problem).toBeUndefined())
  })

  it('I6: ten thousand made-up kids cost a fetch or two and no memory', async () => {
    const verifier = verifierOf({ keysRefreshMs: 60_000, keysCoolDownMs: 30_000 })
    await verifier.ready()
    const claims = (await token()).split('.').slice(1).join('.')
    const madeUp = (index: number): string =>
      `${Buffer.from(`{"alg":"ES256","kid":"made-up-${index}"}`).toString('base64url')}.${claims}`
    const refusals = new Set<string>()
    const round = async (from: number): Promise<void> => {
      const calls = Array.from({ length: 100 }, (_, index) => verifier.verify(madeUp(from + index)))
      for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
        refusals.add((reason as { code: string }).code)
      }
    }
    await round(0)
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let from = 100; from < 10_000; from += 100) await round(from)
    expect([...refusals]).toEqual(['ERR_TOKEN_KEY_UNKNOWN'])
    expect(authority.count('/jwks.json')).toBeLessThanOrEqual(2)
    expect(verifier.health().cached).toBe(0)
    collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000)
  })
})
