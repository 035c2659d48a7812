import { beforeEach, describe, expect, it } from 'vitest'
import type { BoundReference } from '../../../src/tokens/bound-objects.ts'
import { ServiceAccountAuthenticator } from '../../../src/authority/callers/service-account-authenticator.ts'
import { HOUR } from '../../../src/time/duration.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { TokenError } from '../../../src/tokens/token-error.ts'
import { accountToken, boundTo, clusterIssuer, ourIssuer } from '../../builders/account-token.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const bound = boundTo()

/** A cluster in memory: its keys, and whether the token's objects are there. */
let cluster: {
  now: number
  issuer: string | undefined
  keys: readonly PublicJwk[]
  /** What a look brings. */
  fresh: readonly PublicJwk[]
  reachable: boolean
  looks: number
  known: boolean
  found: 'present' | 'absent' | 'unknown'
  lookedFor: BoundReference[]
}
let callers: ServiceAccountAuthenticator

beforeEach(() => {
  cluster = {
    now,
    issuer: clusterIssuer,
    keys: [keys.RS256.publicJwk],
    fresh: [keys.RS256.publicJwk],
    reachable: true,
    looks: 0,
    known: true,
    found: 'present',
    lookedFor: [],
  }
  callers = new ServiceAccountAuthenticator({
    keys: {
      get issuer() {
        return cluster.issuer
      },
      key: (kid) => cluster.keys.find((key) => key.kid === kid),
      refresh: async () => {
        cluster.looks += 1
        if (cluster.reachable) cluster.keys = cluster.fresh
        return cluster.reachable
      },
    },
    objects: {
      areKnown: () => cluster.known,
      look: async (reference) => {
        cluster.lookedFor.push(reference)
        return cluster.found
      },
    },
    audience: ourIssuer,
    clock: { now: () => cluster.now, monotonic: () => cluster.now },
  })
})

describe('ServiceAccountAuthenticator', () => {
  it('says whose pod a token proves, again and again', async () => {
    const token = await accountToken({ now })
    for (let count = 0; count < 3; count += 1) {
      expect(await callers.prove(token)).toMatchObject({ ...bound, expiresAt: now + HOUR })
    }
    expect([cluster.looks, cluster.lookedFor]).toEqual([0, []])
  })

  it.each([[{ toString: 1 }], [[{ toString: 1 }]], ['9999999999']])(
    'refuses one by an unknown key that says it ends at %j, without a look',
    async (exp) => {
      const parts = [
        { alg: 'RS256', kid: 'unknown' },
        { iss: clusterIssuer, exp },
      ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      await expect(callers.prove([...parts, 'AAAA'].join('.'))).rejects.toThrow(TokenError)
      expect(cluster.looks).toBe(0)
    },
  )

  it('judges what may change at every presentation of a token that it remembers', async () => {
    const token = await accountToken({ now })
    const refused = (code: string) => expect(callers.prove(token)).rejects.toMatchObject({ code })
    await callers.prove(token)
    cluster.known = false
    cluster.found = 'absent'
    await refused('ERR_TOKEN_BOUND_OBJECT')
    cluster.known = true
    cluster.keys = cluster.fresh = []
    await refused('ERR_TOKEN_KEY_UNKNOWN')
    // Another key of the same kid.
    cluster.keys = cluster.fresh = [{ ...keys.PS256.publicJwk, alg: 'RS256', kid: keys.RS256.keyID }]
    await refused('ERR_TOKEN_SIGNATURE')
    cluster.keys = cluster.fresh = [keys.RS256.publicJwk]
    cluster.issuer = 'https://other.example'
    await refused('ERR_TOKEN_ISSUER')
    cluster.issuer = clusterIssuer
    await callers.prove(token)
    cluster.now = now + HOUR
    await refused('ERR_TOKEN_EXPIRED')
  })

  it('does not take a token for one that it remembers, be a single bit another', async () => {
    const token = await accountToken({ now, key: keys.RS256 })
    await callers.prove(token)
    const last = token.at(-1) === 'A' ? 'Q' : 'A'
    await expect(callers.prove(`${token.slice(0, -1)}${last}`)).rejects.toMatchObject({ name: 'TokenError' })
    await expect(callers.prove(`${token}=`)).rejects.toMatchObject({ code: 'ERR_TOKEN_MALFORMED' })
    await expect(callers.prove(`${token} `)).rejects.toMatchObject({ code: 'ERR_TOKEN_MALFORMED' })
  })

  it('looks for objects that it does not know, by name and uid', async () => {
    cluster.known = false
    await expect(callers.prove(await accountToken({ now }))).resolves.toMatchObject(bound)
    expect(cluster.lookedFor).toMatchObject([bound])
  })

  it('I6: neither allows nor denies where the cluster cannot be asked', async () => {
    const unavailable = { error: 'temporarily_unavailable', status: 503, retryAfter: 2 }
    const token = await accountToken({ now })
    cluster.known = false
    cluster.found = 'unknown'
    await expect(callers.prove(token)).rejects.toMatchObject(unavailable)
    cluster.known = true
    cluster.keys = []
    cluster.reachable = false
    await expect(callers.prove(await accountToken({ now }))).rejects.toMatchObject(unavailable)
    cluster.issuer = undefined
    await expect(callers.prove(token)).rejects.toMatchObject(unavailable)
  })

  it('has unknown keys looked for: a new one of the cluster is found', async () => {
    cluster.fresh = [keys.RS256.publicJwk, keys.ES256.publicJwk]
    await expect(callers.prove(await accountToken({ now, key: keys.ES256 }))).resolves.toMatchObject(bound)
    expect(cluster.looks).toBe(1)
  })

  it('looks for no key of a token that is dead or another cluster’s, and asks nothing of the cluster', async () => {
    const foreign = { key: keys.other }
    for (const options of [
      { ...foreign, claims: { iss: 'https://other.example' } },
      { ...foreign, lifetimeMs: -HOUR },
    ]) {
      const token = await accountToken({ now, ...options })
      await expect(callers.prove(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
    }
    expect([cluster.looks, cluster.lookedFor]).toEqual([0, []])
  })

  it('tells tokens of the cluster from others by what they say', async () => {
    const token = await accountToken({ now })
    expect(callers.appliesTo(token)).toBe(true)
    await callers.prove(token)
    expect(callers.appliesTo(token)).toBe(true)
    const others = [await accountToken({ claims: { iss: ourIssuer } }), 'x', '', `${token}.x`, 'a'.repeat(9_000)]
    expect(others.map((other) => callers.appliesTo(other))).toEqual(others.map(() => false))
  })

  it('I6: takes tokens about accounts for the cluster’s while its issuer is not known: they are not bad, but cannot be told', async () => {
    cluster.issuer = undefined
    const [token, ours] = [
      await accountToken({ now }),
      await accountToken({ now, claims: { sub: 'spiffe://cluster.local/ns/shop/sa/orders' } }),
    ]
    expect([token, ours, 'x'].map((one) => callers.appliesTo(one))).toEqual([true, false, false])
    await expect(callers.prove(token)).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503 })
  })
})
