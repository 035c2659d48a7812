import { createHmac, createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import { SignJWT, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../src/keys/algorithm.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { verifySignature } from '../../src/keys/verify-signature.ts'
import { verifyToken, verifyTokenSync, type SyncKeyResolver, type VerifyOptions } from '../../src/tokens/verify.ts'
import { isCanonicalBase64url } from '../../src/keys/base64url.ts'
import { parsePublicJwk } from '../../src/keys/public-jwk.ts'
import { keys } from '../fixtures/keys/keys.ts'
import wycheproof from '../fixtures/vectors/wycheproof-jws.json' with { type: 'json' }
import { TokenError } from '../../src/tokens/token-error.ts'
import { type Difference, encode, issuer, keyOf, knownKeys, makeToken, now, subject } from '../builders/token.ts'
import { twinOf } from '../builders/signature-twin.ts'

type Options = VerifyOptions<SyncKeyResolver>
const options: Options = { keys: knownKeys, issuer, audience: 'payments', now }
const bound =
  (sub: string): SyncKeyResolver =>
  (kid) => {
    const key = knownKeys(kid)
    return key === undefined ? undefined : { ...key, sub }
  }

function refusal(token: string, different: Partial<Options> = {}): TokenError {
  try {
    verifyTokenSync(token, { ...options, ...different })
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  throw new Error('the token was accepted')
}

describe('verifyToken', () => {
  it.each(algorithms)('accepts a token signed with %s, by us or by jose', async (algorithm) => {
    const key = keyOf(algorithm)
    const token = await makeToken({ key })
    expect(verifyTokenSync(token, options)).toMatchObject({
      keyID: key.keyID,
      header: { alg: algorithm },
      claims: { sub: subject },
    })
    const seconds = now / 1000
    const theirs = await new SignJWT({ team: 'x' })
      .setProtectedHeader({ alg: algorithm, kid: key.keyID, typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(['payments', 'ledger'])
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 600)
      .setJti('theirs')
      .sign(await importJWK({ ...key.privateJwk }, algorithm))
    expect(verifyTokenSync(theirs, options).claims).toMatchObject({ jti: 'theirs', team: 'x' })
  })

  it('I8: refuses more than an hour by a key that is bound to no subject, whatever the options say', async () => {
    const iat = Math.floor(now / 1000)
    const lasting = (seconds: number) => makeToken({ claims: { iat, nbf: iat, exp: iat + seconds } })
    const [hour, longer] = [await lasting(3600), await lasting(3601)]
    expect(verifyTokenSync(hour, options).claims.exp).toBe(iat + 3600)
    for (const maxLifetimeMs of [undefined, 86_400_000]) {
      expect(refusal(longer, { maxLifetimeMs })).toMatchObject({ code: 'ERR_TOKEN_LIFETIME', claim: 'exp' })
    }
    await expect(verifyToken(longer, { ...options, keys: (kid) => Promise.resolve(knownKeys(kid)) })).rejects.toThrow(
      TokenError,
    )
    expect(verifyTokenSync(longer, { ...options, keys: bound(subject) }).claims.exp).toBe(iat + 3601)
    // A shorter limit of the verifier's own holds for both.
    for (const keys of [knownKeys, bound(subject)]) {
      expect(refusal(hour, { keys, maxLifetimeMs: 3_599_000 }).code).toBe('ERR_TOKEN_LIFETIME')
    }
  })

  it('answers alike with and without waiting for the key', async () => {
    const waiting = { ...options, keys: (kid: string) => Promise.resolve(knownKeys(kid)) }
    const token = await makeToken()
    await expect(verifyToken(token, waiting)).resolves.toEqual(verifyTokenSync(token, options))
    await expect(verifyToken(`${token}=`, waiting)).rejects.toMatchObject({ code: 'ERR_TOKEN_MALFORMED' })
    await expect(verifyToken(token, { ...waiting, audience: 'x' })).rejects.toMatchObject({
      code: 'ERR_TOKEN_AUDIENCE',
    })
  })

  it('asks for no key before form and header are right', async () => {
    const never: SyncKeyResolver = () => expect.unreachable()
    expect(refusal(await makeToken({ header: { crit: ['exp'] } }), { keys: never }).code).toBe('ERR_TOKEN_HEADER')
    expect(refusal('a.b.c', { keys: never }).code).toBe('ERR_TOKEN_MALFORMED')
  })

  it('rethrows a failure to resolve the key', async () => {
    const failure = new Error('no connection')
    await expect(verifyToken(await makeToken(), { ...options, keys: () => Promise.reject(failure) })).rejects.toBe(
      failure,
    )
  })

  it('refuses every token with one character changed, added or left out', async () => {
    const token = await makeToken({ key: keys.EdDSA })
    const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= \n+/é'
    const edits = fc.tuple(fc.nat(token.length), fc.constantFrom(...characters.split(/(?:)/)), fc.constantFrom(0, 1, 2))
    fc.assert(
      fc.property(edits, ([at, character, kind]) => {
        const edited = token.slice(0, at) + (kind === 2 ? '' : character) + token.slice(at + (kind === 0 ? 0 : 1))
        fc.pre(edited !== token)
        expect(refusal(edited)).toBeInstanceOf(TokenError)
      }),
      { numRuns: 2000 },
    )
  })

  it('I3: shows nothing of a token in its errors', async () => {
    const secret = 'c0nfidential'
    const all: Difference[] = [
      { header: { [secret]: secret } },
      { header: { kid: `${secret} ` } },
      { header: { typ: secret } },
      { claims: { iss: secret } },
      { claims: { aud: secret } },
      { claims: { sub: secret } },
      { claims: { exp: secret } },
      { claims: { jti: [secret] } },
    ]
    for (const difference of all) {
      const token = await makeToken(difference)
      const error = refusal(token, { keys: bound(subject), profile: 'JWT-SVID' })
      const shown = `${error.message}${JSON.stringify(error)}`
      expect(shown).not.toContain(secret)
      for (const part of token.split('.')) expect(shown).not.toContain(part)
    }
  })
})

describe('the header', () => {
  it.each([
    ['crit', ['exp']],
    ['jwk', keys.ES256.publicJwk],
    ['jku', 'https://attacker.example/jwks.json'],
    ['x5u', 'https://attacker.example/chain.pem'],
    ['x5c', ['MIIB']],
    ['x5t', 'abc'],
    ['b64', false],
    ['zip', 'DEF'],
    ['enc', 'A256GCM'],
    ['cty', 'JWT'],
    ['toString', 'x'],
  ])('may not have the parameter %s', async (name, value) => {
    expect(refusal(await makeToken({ header: { [name]: value } })).code).toBe('ERR_TOKEN_HEADER')
  })

  it.each<[string, unknown]>([
    ['is missing', undefined],
    ['is empty', ''],
    ['is a number', 1],
    ['is a list', [keys.ES256.keyID]],
    ['is a path', '../../../etc/passwd'],
    ['is a query', "' OR 1=1"],
    ['is too long', 'k'.repeat(65)],
  ])('is refused when kid %s', async (_, kid) => {
    expect(refusal(await makeToken({ header: { kid } })).code).toBe('ERR_TOKEN_HEADER')
  })

  it('uses kid as the key of a map and nothing else', async () => {
    for (const kid of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(refusal(await makeToken({ header: { kid } })).code).toBe('ERR_TOKEN_KEY_UNKNOWN')
    }
  })

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['none', 'none'],
    ['NONE', 'NONE'],
    ['nOnE', 'nOnE'],
    ['symmetric', 'HS256'],
    ['unknown', 'ES512'],
    ['in the wrong case', 'es256'],
    ['a list', ['ES256']],
    ['a member of every object', 'toString'],
  ])('is refused when alg is %s', async (_, alg) => {
    expect(refusal(await makeToken({ header: { alg } })).code).toBe('ERR_TOKEN_ALGORITHM')
  })

  it('may not take the public key for the secret of an HMAC', async () => {
    const [, claims] = (await makeToken()).split('.')
    const pem = createPublicKey({ key: { ...keys.RS256.publicJwk }, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    })
    const input = `${encode(JSON.stringify({ alg: 'HS256', kid: keys.RS256.keyID }))}.${claims}`
    const forged = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
    expect(refusal(forged).code).toBe('ERR_TOKEN_ALGORITHM')
  })

  it('has to name the algorithm of the key, also where another fits the same key', async () => {
    const { keyID, privateJwk, publicJwk } = keys.RS256
    const asPss = { keyID, privateJwk, publicJwk: { ...publicJwk, alg: 'PS256' as const } }
    expect(refusal(await makeToken({ key: asPss })).code).toBe('ERR_TOKEN_ALGORITHM')
    expect(verifyTokenSync(await makeToken({ key: asPss }), { ...options, keys: () => asPss.publicJwk }).keyID).toBe(
      keyID,
    )
  })

  it('may name only an algorithm that the verifier lists', async () => {
    const token = await makeToken()
    expect(refusal(token, { algorithms: ['RS256'] }).code).toBe('ERR_TOKEN_ALGORITHM')
    expect(verifyTokenSync(token, { ...options, algorithms: ['RS256', 'ES256'] }).header.alg).toBe('ES256')
  })
})

describe('typ', () => {
  const access = { claims: { client_id: subject } }
  it.each([undefined, 'JWT', 'jwt', 'JOSE', 'application/jwt', 'application/JOSE'])(
    '%s makes a JWT-SVID',
    async (typ) => {
      const token = await makeToken({ header: { typ } })
      expect(verifyTokenSync(token, { ...options, profile: 'JWT-SVID' }).header.typ).toBe(typ)
      expect(refusal(token, { profile: 'AccessToken' }).code).toBe('ERR_TOKEN_TYPE')
    },
  )

  it.each(['at+jwt', 'application/at+jwt', 'AT+JWT'])('%s makes an access token', async (typ) => {
    const token = await makeToken({ header: { typ }, ...access })
    expect(verifyTokenSync(token, { ...options, profile: 'AccessToken' }).header.typ).toBe(typ)
    expect(refusal(token, { profile: 'JWT-SVID' }).code).toBe('ERR_TOKEN_TYPE')
  })

  it.each<unknown>(['logout+jwt', 'application/application/jwt', 'text/jwt', '', 'dpop+jwt', 1, ['JWT'], null, true])(
    '%s is refused whatever the profile',
    async (typ) => {
      expect(refusal(await makeToken({ header: { typ } })).code).toBe('ERR_TOKEN_TYPE')
      expect(refusal(await makeToken({ header: { typ } }), { profile: 'JWT-SVID' }).code).toBe('ERR_TOKEN_TYPE')
    },
  )
})

describe('the signature', () => {
  it('has to be by a known key', async () => {
    expect(refusal(await makeToken(), { keys: () => undefined }).code).toBe('ERR_TOKEN_KEY_UNKNOWN')
  })

  it('I4: has to be by the key of its kid, whatever the resolver hands out', async () => {
    expect(refusal(await makeToken(), { keys: () => keys.other.publicJwk }).code).toBe('ERR_TOKEN_KEY_UNKNOWN')
  })

  it('may not be by another key that says it is this one', async () => {
    const forged = await makeToken({ key: keys.other, header: { kid: keys.ES256.keyID } })
    expect(refusal(forged).code).toBe('ERR_TOKEN_SIGNATURE')
  })

  it('may not be taken from another token', async () => {
    const [header, claims] = (await makeToken({ claims: { aud: 'ledger' } })).split('.')
    const [, , signature] = (await makeToken()).split('.')
    expect(refusal(`${header}.${claims}.${signature}`, { audience: 'ledger' }).code).toBe('ERR_TOKEN_SIGNATURE')
  })

  it('may not be all zeros (CVE-2022-21449)', async () => {
    const [header, claims] = (await makeToken()).split('.')
    expect(refusal(`${header}.${claims}.${encode(Buffer.alloc(64))}`).code).toBe('ERR_TOKEN_SIGNATURE')
  })

  it('may not be DER', async () => {
    const [header, claims, signature = ''] = (await makeToken()).split('.')
    const raw = Buffer.from(signature, 'base64url')
    const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), bytes])
    const der = Buffer.concat([Buffer.from([0x30, 70]), integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
    expect(refusal(`${header}.${claims}.${encode(der)}`).code).toBe('ERR_TOKEN_SIGNATURE')
  })

  it('has a twin (r, n − s) that verifies too, so that no cache may be keyed by the text of a token', async () => {
    expect(verifyTokenSync(twinOf(await makeToken()), options).claims.jti).toBe('token-1')
  })

  it('is judged as Wycheproof says', () => {
    const wrong: unknown[] = []
    let judged = 0
    for (const { key, tests } of wycheproof.groups) {
      for (const [id, comment, jws, result] of tests as [number, string, string, string][]) {
        const accepted = acceptsJws(jws, key)
        if (accepted !== (result === 'valid' && !refusedThoughValid.includes(comment)))
          wrong.push({ id, comment, accepted })
        if (result === 'invalid')
          expect(refusal(jws, { keys: (kid) => parsedKey({ ...key, kid }) })).toBeInstanceOf(TokenError)
        judged += 1
      }
    }
    expect(wrong).toEqual([])
    expect(judged).toBeGreaterThan(300)
  })
})

describe('the subject', () => {
  const other = 'spiffe://cluster.local/ns/shop/sa/other'
  it('has to be the one that the key is bound to', async () => {
    const token = await makeToken()
    expect(verifyTokenSync(token, { ...options, keys: bound(subject) }).claims.sub).toBe(subject)
    expect(refusal(token, { keys: bound(other) })).toMatchObject({ code: 'ERR_TOKEN_SUBJECT', claim: 'sub' })
    expect(refusal(token, { keys: bound(`${subject} `) }).code).toBe('ERR_TOKEN_SUBJECT')
  })

  it('may be any where the key is bound to none', async () => {
    expect(verifyTokenSync(await makeToken({ claims: { sub: other } }), options).claims.sub).toBe(other)
  })

  it('may not be missing or of another type, bound or not', async () => {
    for (const sub of [undefined, null, 1, [subject], { value: subject }, '']) {
      const token = await makeToken({ claims: { sub } })
      expect(refusal(token, { keys: bound(subject) }).code).toBe('ERR_TOKEN_SUBJECT')
      expect(refusal(token)).toMatchObject({ code: 'ERR_TOKEN_CLAIM', claim: 'sub' })
    }
  })
})

/** An empty payload holds no claims; figure 20 of RFC 7520 is PS384 with a key that the vectors declare PS256. */
const refusedThoughValid = ['emptyPayload', 'Figure20']

function parsedKey(key: unknown): PublicJwk | undefined {
  try {
    return parsePublicJwk(key)
  } catch {
    return undefined
  }
}

/** Whether our parts, put together as `verifyToken` does, accept a JWS whose payload need not be claims. */
function acceptsJws(jws: string, key: Record<string, unknown>): boolean {
  const parts = jws.split('.')
  const [header = '', payload = '', signature = ''] = parts
  const jwk = parsedKey({ ...key, kid: 'vector' })
  if (jwk === undefined || parts.length !== 3 || !parts.every(isCanonicalBase64url)) return false
  try {
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: unknown }
    return alg === jwk.alg && verifySignature(jwk, `${header}.${payload}`, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}
