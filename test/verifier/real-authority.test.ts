import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority } from '../../src/authority/authority.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { silentLogger } from '../../src/logger.ts'
import { createVerifier, type Verifier } from '../../src/verifier/verifier.ts'
import { FakeSource, keysOf } from '../authority/fake-source.ts'
import { eventually } from '../builders/eventually.ts'
import { FakeAuthority } from '../fakes/authority.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../tokens/make-token.ts'

/** The documents of the authority itself, of which the fake of the other tests serves the cluster's only. */
const orders = keysOf('shop/orders', ...algorithms.map((algorithm) => keys[algorithm].publicJwk))
let server: FakeAuthority
let source: FakeSource
let authority: Authority

beforeAll(async () => {
  server = await FakeAuthority.start()
  for (const level of ['', '/ns/shop', '/ns/shop/sa/orders']) {
    for (const document of ['/.well-known/openid-configuration', '/jwks.json']) {
      server.instead.set(level + document, (request, response) => authority.handler(request, response))
    }
  }
})

afterAll(() => server.stop())

// One that has read nothing yet, whatever the test before has left.
beforeEach(() => {
  source = new FakeSource()
  authority = createAuthority({ issuer: server.issuer, source, logger: silentLogger })
})

afterEach(() => authority.close())

async function withVerifier(level: string, work: (verifier: Verifier, issuer: string) => Promise<void>): Promise<void> {
  const issuer = `${server.issuer}${level}`
  const quick = { keysRefreshMs: 20, keysCoolDownMs: 20 }
  const verifier = createVerifier({ issuer, audience: 'payments', ca: server.ca, revocations: 'off', ...quick })
  try {
    await work(verifier, issuer)
  } finally {
    verifier.close()
  }
}

const tokenOf = (issuer: string, key = keys.ES256): Promise<string> => {
  const iat = Math.floor(Date.now() / 1000)
  return makeToken({ key, claims: { iss: issuer, iat, nbf: iat, exp: iat + 300 } })
}

describe('with the authority itself', () => {
  it('I6: cannot tell before the authority has read its keys', () =>
    withVerifier('', async (verifier, issuer) => {
      await expect(verifier.verify(await tokenOf(issuer))).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
      source.set([orders])
      await verifier.ready()
    }))

  it.each(['', '/ns/shop', '/ns/shop/sa/orders'])('I1: verifies every algorithm by the issuer %s', (level) =>
    withVerifier(level, async (verifier, issuer) => {
      source.set([orders])
      await verifier.ready()
      for (const algorithm of algorithms) {
        const verified = await verifier.verify(await tokenOf(issuer, keys[algorithm]))
        expect(verified).toMatchObject({ header: { alg: algorithm }, claims: { sub: subject } })
      }
      await expect(verifier.verify(await tokenOf(`${server.issuer}/ns/other`))).rejects.toMatchObject({
        code: 'ERR_TOKEN_ISSUER',
      })
    }),
  )

  it('refuses the tokens of a key once that has left the set', () =>
    withVerifier('', async (verifier, issuer) => {
      source.set([orders])
      await verifier.ready()
      const token = await tokenOf(issuer)
      await verifier.verify(token)
      source.set([keysOf('shop/orders', keys.EdDSA.publicJwk)])
      await eventually(() => expect(verifier.cached(token)).toBeUndefined())
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
    }))
})
