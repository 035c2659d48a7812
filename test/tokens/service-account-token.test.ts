import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, SECOND } from '../../src/time/duration.ts'
import { parseCompact } from '../../src/tokens/compact.ts'
import { verifyServiceAccountToken } from '../../src/tokens/service-account-token.ts'
import { accountToken, type AccountTokenOptions, boundTo, clusterIssuer, ourIssuer } from '../builders/account-token.ts'
import { keys } from '../fixtures/keys/keys.ts'

const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const published = [keys.RS256, keys.ES256, keys.ES384, keys.PS256, keys.EdDSA].map(({ publicJwk }) => publicJwk)
const bound = boundTo()
const objects = { namespace: 'shop', pod: bound.pod, serviceaccount: bound.account }

/** What a token is bound to, and the subject that goes with it. */
function namedBy(different: Partial<typeof objects>): AccountTokenOptions {
  const named = { ...objects, ...different }
  const sub = `system:serviceaccount:${named.namespace}:${named.serviceaccount.name}`
  return { claims: { sub, 'kubernetes.io': named } }
}

async function verify(options: AccountTokenOptions = {}, at = now) {
  return verifyServiceAccountToken(parseCompact(await accountToken({ now, ...options })), {
    keys: (kid) => published.find((key) => key.kid === kid),
    issuer: clusterIssuer,
    audience: ourIssuer,
    now: at,
  })
}

describe('verifyServiceAccountToken', () => {
  it.each(['RS256', 'ES256', 'ES384'] as const)('takes a token that kubelet projects, signed with %s', async (name) => {
    expect(await verify({ key: keys[name] })).toEqual({
      ...bound,
      notBefore: now,
      expiresAt: now + HOUR,
      key: keys[name].publicJwk,
    })
  })

  it('takes an audience that is one text', async () => {
    await expect(verify({ claims: { aud: ourIssuer } })).resolves.toBeDefined()
  })

  it('takes a typ of JWT, and what the API server may add to the bound objects', async () => {
    await expect(verify({ header: { typ: 'JWT' } })).resolves.toBeDefined()
    await expect(verify({ claims: { 'kubernetes.io': { ...objects, warnafter: 1 } } })).resolves.toBeDefined()
  })

  it.each<[string, AccountTokenOptions, string]>([
    ['another audience', { claims: { aud: ['https://kubernetes.default.svc'] } }, 'ERR_TOKEN_AUDIENCE'],
    ['another audience besides', { claims: { aud: [ourIssuer, 'https://vault.example'] } }, 'ERR_TOKEN_AUDIENCE'],
    [
      'an audience that only begins like the expected one',
      { claims: { aud: [`${ourIssuer}.evil`] } },
      'ERR_TOKEN_AUDIENCE',
    ],
    ['no audience', { claims: { aud: undefined } }, 'ERR_TOKEN_CLAIM'],
    ['an audience that is no text', { claims: { aud: [ourIssuer, 1] } }, 'ERR_TOKEN_CLAIM'],
    ['too many audiences', { claims: { aud: Array.from({ length: 17 }, () => ourIssuer) } }, 'ERR_TOKEN_CLAIM'],
    ['another issuer', { claims: { iss: 'https://other.example' } }, 'ERR_TOKEN_ISSUER'],
    ['an issuer that is a list', { claims: { iss: [clusterIssuer] } }, 'ERR_TOKEN_ISSUER'],
    ['no expiry', { claims: { exp: undefined } }, 'ERR_TOKEN_CLAIM'],
    ['an expiry that is a text', { claims: { exp: '9999999999' } }, 'ERR_TOKEN_CLAIM'],
    ['no time of issue', { claims: { iat: undefined } }, 'ERR_TOKEN_CLAIM'],
    ['a life of more than a day', { lifetimeMs: 26 * HOUR }, 'ERR_TOKEN_LIFETIME'],
    ['no life', { lifetimeMs: 0 }, 'ERR_TOKEN_LIFETIME'],
    ['no bound objects', { claims: { 'kubernetes.io': undefined } }, 'ERR_TOKEN_CLAIM'],
    ['bound objects that are a list', { claims: { 'kubernetes.io': [objects] } }, 'ERR_TOKEN_CLAIM'],
    ['no pod', { claims: { 'kubernetes.io': { ...objects, pod: undefined } } }, 'ERR_TOKEN_CLAIM'],
    ['a pod without uid', { claims: { 'kubernetes.io': { ...objects, pod: { name: 'a' } } } }, 'ERR_TOKEN_CLAIM'],
    [
      'a pod with a uid that is none',
      { claims: { 'kubernetes.io': { ...objects, pod: { name: 'a', uid: '' } } } },
      'ERR_TOKEN_CLAIM',
    ],
    [
      'a Secret for a pod',
      { claims: { 'kubernetes.io': { ...objects, pod: undefined, secret: bound.pod } } },
      'ERR_TOKEN_CLAIM',
    ],
    ['no account', { claims: { 'kubernetes.io': { ...objects, serviceaccount: undefined } } }, 'ERR_TOKEN_CLAIM'],
    [
      'an account that is a text',
      { claims: { 'kubernetes.io': { ...objects, serviceaccount: 'orders' } } },
      'ERR_TOKEN_CLAIM',
    ],
    ['an account with a slash', namedBy({ serviceaccount: { name: 'a/b', uid: 'u' } }), 'ERR_TOKEN_CLAIM'],
    ['an account with an empty name', namedBy({ serviceaccount: { name: '', uid: 'u' } }), 'ERR_TOKEN_CLAIM'],
    ['a namespace with a dot', namedBy({ namespace: 'a.b' }), 'ERR_TOKEN_CLAIM'],
    ['a namespace with a slash', namedBy({ namespace: 'a/sa/b' }), 'ERR_TOKEN_CLAIM'],
    ['an empty namespace', namedBy({ namespace: '' }), 'ERR_TOKEN_CLAIM'],
    ['a pod with a slash', namedBy({ pod: { name: 'a/b', uid: 'u' } }), 'ERR_TOKEN_CLAIM'],
    ['a subject of another account', { claims: { sub: 'system:serviceaccount:shop:payments' } }, 'ERR_TOKEN_CLAIM'],
    ['a subject that is no account', { claims: { sub: 'orders' } }, 'ERR_TOKEN_CLAIM'],
    ['no subject', { claims: { sub: undefined } }, 'ERR_TOKEN_CLAIM'],
    ['alg none', { header: { alg: 'none' } }, 'ERR_TOKEN_ALGORITHM'],
    ['HS256', { header: { alg: 'HS256' } }, 'ERR_TOKEN_ALGORITHM'],
    ['an algorithm that the API server has not', { key: keys.PS256 }, 'ERR_TOKEN_ALGORITHM'],
    ['EdDSA', { key: keys.EdDSA }, 'ERR_TOKEN_ALGORITHM'],
    ['the algorithm of another key', { header: { alg: 'ES256' } }, 'ERR_TOKEN_ALGORITHM'],
    ['no kid', { header: { kid: undefined } }, 'ERR_TOKEN_HEADER'],
    ['a kid that is a path', { header: { kid: '../../dev/null' } }, 'ERR_TOKEN_HEADER'],
    ['another typ', { header: { typ: 'at+jwt' } }, 'ERR_TOKEN_TYPE'],
    ['a jwk of its own', { header: { jwk: keys.other.publicJwk } }, 'ERR_TOKEN_HEADER'],
    ['crit', { header: { crit: ['exp'] } }, 'ERR_TOKEN_HEADER'],
    ['an unknown key', { key: keys.other }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['the kid of another key', { key: keys.other, header: { kid: keys.ES256.keyID } }, 'ERR_TOKEN_SIGNATURE'],
  ])('refuses %s', async (_, options, code) => {
    await expect(verify(options)).rejects.toMatchObject({ name: 'TokenError', code })
  })

  it('refuses one that has ended, without leeway, and one from the future by more than a minute', async () => {
    await expect(verify({}, now + HOUR - 1)).resolves.toBeDefined()
    await expect(verify({}, now + HOUR)).rejects.toMatchObject({ code: 'ERR_TOKEN_EXPIRED' })
    await expect(verify({}, now - MINUTE)).resolves.toBeDefined()
    await expect(verify({}, now - MINUTE - SECOND)).rejects.toMatchObject({ code: 'ERR_TOKEN_NOT_YET_VALID' })
  })

  it('refuses one that is not valid yet by more than a minute, whenever it was issued', async () => {
    const nbf = now / SECOND + 60
    await expect(verify({ claims: { nbf } })).resolves.toMatchObject({ notBefore: nbf * SECOND })
    await expect(verify({ claims: { nbf: nbf + 1 } })).rejects.toMatchObject({ code: 'ERR_TOKEN_NOT_YET_VALID' })
  })

  it('takes one that lives for 25 hours, as long as kubelet keeps any, and none that lives longer', async () => {
    await expect(verify({ lifetimeMs: 25 * HOUR })).resolves.toBeDefined()
    await expect(verify({ lifetimeMs: 25 * HOUR + SECOND })).rejects.toMatchObject({ code: 'ERR_TOKEN_LIFETIME' })
  })

  it('I4: takes a signature by the key of its kid only, whatever the resolver hands out', async () => {
    const token = parseCompact(await accountToken({ now, header: { kid: keys.ES256.keyID } }))
    const expected = { keys: () => keys.RS256.publicJwk, issuer: clusterIssuer, audience: ourIssuer, now }
    expect(() => verifyServiceAccountToken(token, expected)).toThrow(
      expect.objectContaining({ code: 'ERR_TOKEN_KEY_UNKNOWN' }),
    )
  })

  it('refuses a token whose claims were changed', async () => {
    const [header = '', , signature = ''] = (await accountToken({ now })).split('.')
    const [, claims = ''] = (await accountToken({ now, bound: boundTo('shop', 'payments') })).split('.')
    const forged = parseCompact(`${header}.${claims}.${signature}`)
    const keysOf = (kid: string) => published.find((key) => key.kid === kid)
    expect(() =>
      verifyServiceAccountToken(forged, { keys: keysOf, issuer: clusterIssuer, audience: ourIssuer, now }),
    ).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_SIGNATURE' }))
  })
})
