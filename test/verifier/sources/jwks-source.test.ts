import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import type { FetchDocument } from '../../../src/verifier/http/fetch-document.ts'
import { parseIssuer } from '../../../src/identity/issuer.ts'
import { JwksSource, type JwksSourceOptions } from '../../../src/verifier/sources/jwks-source.ts'
import { FetchError } from '../../../src/verifier/http/fetch-error.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const issuer = parseIssuer('https://issuer.example')
const one = keys.ES256.publicJwk
const two = keys.other.publicJwk

let published: readonly PublicJwk[]
let metadata: Record<string, unknown>
let down: FetchError | undefined
/** The document that says where the keys are, and no other. */
let metadataDown: FetchError | undefined
let answer: string | undefined
/** When each document was fetched. */
let fetched: Record<string, number[]>
let source: JwksSource

const fetch: FetchDocument = async (url, { etag }) => {
  const path = new URL(url).pathname
  ;(fetched[path] ??= []).push(Date.now())
  if (down !== undefined) throw down
  if (path.startsWith('/.well-known') && metadataDown !== undefined) throw metadataDown
  if (path.startsWith('/.well-known')) return { text: JSON.stringify(metadata), etag: undefined }
  const text = answer ?? JSON.stringify({ keys: published })
  const current = `"${published.map(({ kid }) => kid).join()}"`
  return etag === current && answer === undefined ? 'unchanged' : { text, etag: current }
}

const jwks = (): number[] => fetched['/jwks.json'] ?? []

function sourceOf(options: Partial<JwksSourceOptions> = {}): JwksSource {
  source = new JwksSource({
    issuer,
    fetch,
    maxBytes: 1000,
    refreshMs: 60_000,
    coolDownMs: 30_000,
    maxAgeMs: Number.POSITIVE_INFINITY,
    clock: { monotonic: () => Date.now() },
    random: () => 0,
    ...options,
  })
  return source
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  published = [one]
  metadata = { issuer: issuer.issuer, jwks_uri: 'https://issuer.example/jwks.json' }
  down = metadataDown = undefined
  answer = undefined
  fetched = {}
})

afterEach(() => {
  source.close()
  vi.useRealTimers()
})

describe('the keys of an issuer', () => {
  it('are there once they have been fetched, and change with the set', async () => {
    const keySource = sourceOf()
    expect(keySource.problem()).toBe('keys have not been loaded yet')
    await keySource.start()
    expect(keySource).toMatchObject({ size: 1, version: 1, failure: undefined })
    expect(keySource.get(one.kid)).toEqual(one)
    published = [two]
    await vi.advanceTimersByTimeAsync(60_000)
    expect(keySource.get(one.kid)).toBeUndefined()
    expect(keySource.get(two.kid)).toEqual(two)
    expect(keySource.version).toBe(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(keySource.version).toBe(2)
  })

  it.each<[string, () => void]>([
    ['is down', () => (down = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED'))],
    ['is slow', () => (down = new FetchError('ERR_FETCH_TIMEOUT', 'no answer in time'))],
    ['answers too much', () => (down = new FetchError('ERR_FETCH_TOO_LARGE', 'too many bytes'))],
    ['has no such document any more', () => (down = new FetchError('ERR_FETCH_STATUS', '404', { status: 404 }))],
    ['answers an empty set', () => (answer = '{"keys":[]}')],
    ['answers garbage', () => (answer = '<html>')],
    ['answers a set of garbage', () => (answer = '{"keys":[1,2,{"kid":"x"}]}')],
    ['answers half of a set', () => (answer = JSON.stringify({ keys: [one] }).slice(0, 40))],
  ])('I1: stay for an hour in which the authority %s, and their age is told', async (_, fail) => {
    const keySource = sourceOf()
    await keySource.start()
    fail()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(keySource.get(one.kid)).toEqual(one)
    expect(keySource.problem()).toBeUndefined()
    expect(keySource.failure).not.toBeUndefined()
    expect(keySource.ageMs).toBe(3_600_000)
    for (const [index, at] of jwks().entries()) {
      if (index > 0) expect(at - (jwks()[index - 1] ?? 0)).toBeGreaterThanOrEqual(30_000)
    }
    down = answer = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    expect(keySource.failure).toBeUndefined()
  })

  it('are not to be used beyond the age that is permitted', async () => {
    const keySource = sourceOf({ maxAgeMs: 100_000 })
    await keySource.start()
    down = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
    await vi.advanceTimersByTimeAsync(100_000)
    expect(keySource.problem()).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(keySource.problem()).toBe('keys have not been confirmed within maxKeysAgeMs')
  })

  it('are where discovery says, which is asked anew after a failure and once in an hour or so', async () => {
    await sourceOf().start()
    expect(fetched['/.well-known/openid-configuration']).toEqual([0])
    answer = '<html>'
    metadata.jwks_uri = 'https://issuer.example/moved.json'
    await vi.advanceTimersByTimeAsync(60_000)
    answer = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    expect(fetched['/moved.json']).toEqual([90_000])
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(fetched['/.well-known/openid-configuration']).toHaveLength(3)
  })

  it('I1: are fetched from the known URL while the discovery document is unavailable', async () => {
    await sourceOf().start()
    down = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
    await vi.advanceTimersByTimeAsync(60_000)
    metadataDown = down
    down = undefined
    published = [two]
    await vi.advanceTimersByTimeAsync(30_000)
    expect(source.get(two.kid)).toEqual(two)
    expect(source.failure).toBeUndefined()
  })

  it('are taken from nowhere else', async () => {
    metadata.jwks_uri = 'https://attacker.example/jwks.json'
    void sourceOf().start()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(source.size).toBe(0)
    expect(jwks()).toEqual([])
    await expect(source.seek('x')).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
  })
})

describe('an unknown kid', () => {
  it('is waited for while the first load is under way', async () => {
    void sourceOf().start()
    await source.seek(one.kid)
    expect(source.get(one.kid)).toEqual(one)
    expect(jwks()).toHaveLength(1)
  })

  it('has the set fetched: a key of a moment ago verifies', async () => {
    await sourceOf().start()
    await vi.advanceTimersByTimeAsync(5000)
    published = [one, two]
    await source.seek(two.kid)
    expect(source.get(two.kid)).toEqual(two)
    expect(jwks()).toEqual([0, 5000])
  })

  it('I1: is not long in coming where it was published during a load', async () => {
    let begun = 0
    const slow: FetchDocument = async (url, how) => {
      const found = await fetch(url, how)
      begun += 1
      await new Promise((resolve) => setTimeout(resolve, 200))
      return found
    }
    const started = sourceOf({ fetch: slow }).start()
    await vi.advanceTimersByTimeAsync(1000)
    await started
    await vi.advanceTimersByTimeAsync(58_700)
    const before = begun
    await vi.advanceTimersByTimeAsync(750)
    expect(begun).toBe(before + 1)
    published = [one, two]
    const sought = source.seek(two.kid)
    await vi.advanceTimersByTimeAsync(200)
    await sought
    expect(source.get(two.kid)).toBeUndefined()
    void source.seek(two.kid)
    await vi.advanceTimersByTimeAsync(3200)
    expect(source.get(two.kid)).toEqual(two)
  })

  it('comes by itself where it may not be asked for at once', async () => {
    await sourceOf().start()
    await vi.advanceTimersByTimeAsync(1000)
    published = [one, two]
    await source.seek(two.kid)
    expect(source.get(two.kid)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(2000)
    expect(source.get(two.kid)).toEqual(two)
  })

  it('costs one load in 30 seconds, however many there are', async () => {
    await sourceOf().start()
    for (let step = 0; step < 10_000; step += 1) {
      await source.seek(`made-up-${step}`)
      await vi.advanceTimersByTimeAsync(60)
    }
    const times = jwks()
    expect(times.length).toBeLessThanOrEqual(2 + 600_000 / 30_000)
    for (let index = 2; index < times.length; index += 1) {
      expect(times[index]! - times[index - 1]!).toBeGreaterThanOrEqual(30_000)
    }
  })

  it('is one load for all that ask at a time', async () => {
    await sourceOf().start()
    await vi.advanceTimersByTimeAsync(5000)
    await Promise.all(Array.from({ length: 1000 }, (_, index) => source.seek(`made-up-${index}`)))
    expect(jwks()).toEqual([0, 5000])
  })

  it('I6: cannot be told while the authority is away, with the time to ask again', async () => {
    await sourceOf().start()
    down = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
    await vi.advanceTimersByTimeAsync(10_000)
    const unavailable = { code: 'ERR_VERIFIER_UNAVAILABLE', retryAfter: 30 }
    await expect(source.seek('new')).rejects.toMatchObject(unavailable)
    await expect(source.seek('new')).rejects.toMatchObject(unavailable)
    expect(jwks()).toEqual([0, 10_000])
    await source.seek(one.kid)
  })
})
