import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { serveAuthority, type ServedAuthority } from '../builders/served-authority.ts'
import { issuerOf, issuerScopes } from '../../src/identity/issuer.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { mounted } from '../../src/verifier/pod/env.ts'
import { ExchangedToken } from '../../src/verifier/token-source/exchanged-token.ts'
import { createVerifier, type Verifier } from '../../src/verifier/verification/verifier.ts'
import { FakeSource, keysOf } from '../fakes/public-key-source.ts'
import { startAuthority } from '../builders/running-authority.ts'
import { accountToken, clusterIssuer } from '../builders/account-token.ts'
import { eventually } from '../builders/eventually.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { FakeAuthority } from '../fakes/authority.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../builders/token.ts'

/** The documents of the authority itself, of which the fake of the other tests serves the cluster's only. */
const orders = keysOf('shop/orders', ...algorithms.map((algorithm) => keys[algorithm].publicJwk))
let server: FakeAuthority
let source: FakeSource
let authority: ServedAuthority

beforeAll(async () => {
  server = await FakeAuthority.start()
  for (const scope of ['', '/ns/shop', '/ns/shop/sa/orders']) {
    for (const document of ['/.well-known/openid-configuration', '/jwks.json']) {
      server.instead.set(scope + document, (request, response) => authority.handler(request, response))
    }
  }
})

afterAll(() => server.stop())

// One that has read nothing yet, whatever the test before has left.
beforeEach(() => {
  source = new FakeSource()
  authority = serveAuthority({ issuer: server.issuer, source })
})

afterEach(() => authority.close())

async function withVerifier(scope: string, work: (verifier: Verifier, issuer: string) => Promise<void>): Promise<void> {
  const issuer = `${server.issuer}${scope}`
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

  it.each(['', '/ns/shop', '/ns/shop/sa/orders'])('I1: verifies every algorithm by the issuer %s', (scope) =>
    withVerifier(scope, async (verifier, issuer) => {
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

it.each(issuerScopes)('gets a token by exchange where the scope of issuers is %s', async (issuerScope) => {
  const exchanging = await startAuthority({
    clusterKeys: { issuer: clusterIssuer, key: () => keys.RS256.publicJwk, refresh: async () => true },
    objects: { areKnown: () => true, look: async () => 'present' },
    identities: { ready: () => true, exists: () => true },
    issuerScope,
  })
  onTestFinished(() => exchanging.close())
  const folder = await SecretFolder.create()
  onTestFinished(() => folder.remove())
  const subjectTokenFile = join(folder.path, 'account')
  await writeFile(subjectTokenFile, await accountToken({ claims: { aud: [exchanging.issuer] } }))
  // As the webhook writes it into the pod.
  const issuer = issuerOf(exchanging.issuer, issuerScope, { namespace: 'shop', name: 'orders' })
  const options = { audience: 'payments', subjectTokenFile, ca: exchanging.trustBundle }
  const source = new ExchangedToken(options, mounted({ SIGNET_ISSUER: issuer }))
  onTestFinished(() => source.close())
  expect(decodeToken(await source.token()).claims).toMatchObject({ iss: issuer, sub: subject, aud: 'payments' })
})
