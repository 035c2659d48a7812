import { createHmac } from 'node:crypto'
import { MINUTE } from '../../../src/time/duration.ts'
import { importPublicKey } from '../../../src/keys/public-jwk.ts'
import { createSigner } from '../../../src/keys/signer.ts'
import type { SigningKey } from '../../../src/keys/signing-key.ts'
import { buildClaims, type TokenClaims } from '../../../src/tokens/claims.ts'
import { newTokenID } from '../../../src/tokens/mint.ts'
import type { Exhibit } from './verdicts.ts'

/** As long as the tokens that the identities of this soak ask for. */
export const lifetimeMs = 5 * MINUTE
export const audience = 'relying-party'

/** The leeway that some verifiers give by default (Envoy: 60 s), and as much again. */
const expiredForMs = 2 * MINUTE

/** Who a token is of, and by which key it is signed. */
export interface Speaker {
  readonly issuer: string
  readonly subject: string
  readonly key: SigningKey
}

/** Samples that have to be refused, whoever verifies. */
export const hostileSamples = [
  'altered payload',
  'another audience',
  'expired',
  'alg none',
  'public key as HMAC secret',
  'key never published',
  'key never published under a published kid',
] as const

/** To be refused by who knows which key may sign for which subject, that is, who reads `sub` of the JWK. */
export const anotherKeySample = "another identity's key"

/** Every hostile variant of a valid token, and one signed by `stranger`, whose key is of another identity. */
export async function hostileExhibits(
  speaker: Speaker,
  stranger: Speaker,
  unpublished: SigningKey,
  now: number,
): Promise<Exhibit[]> {
  const { key, subject } = speaker
  const claims = claimsOf(speaker, now)
  const header = headerOf(key)
  const expired = claimsOf(speaker, now - lifetimeMs - expiredForMs)
  const [head = '', body = '', signature = ''] = (await sign(header, claims, key)).split('.')
  const altered = encode({ ...claims, sub: stranger.subject })
  const none = `${encode({ ...header, alg: 'none' })}.${body}.`
  const tokens: Record<(typeof hostileSamples)[number] | typeof anotherKeySample, string> = {
    'altered payload': `${head}.${altered}.${signature}`,
    'another audience': await sign(header, { ...claims, aud: 'another-party' }, key),
    expired: await sign(header, expired, key),
    'alg none': none,
    'public key as HMAC secret': hmacWithPublicKey({ ...header, alg: 'HS256' }, claims, key),
    'key never published': await sign(headerOf(unpublished), claims, unpublished),
    'key never published under a published kid': await sign({ ...header, alg: 'ES256' }, claims, unpublished),
    [anotherKeySample]: await sign(headerOf(stranger.key), { ...claims, sub: subject }, stranger.key),
  }
  return Object.entries(tokens).map(([sample, token]) => ({
    token,
    sample,
    tokenID: sample === 'expired' ? expired.jti : claims.jti,
    keyID: key.keyID,
  }))
}

function claimsOf({ issuer, subject }: Speaker, issuedAt: number): TokenClaims {
  return buildClaims({
    issuer,
    subject,
    audience,
    issuedAt,
    lifetimeMs,
    tokenID: newTokenID(),
    profile: 'JWT-SVID',
  })
}

function headerOf({ publicJwk }: SigningKey) {
  return { alg: publicJwk.alg, kid: publicJwk.kid, typ: 'JWT' }
}

async function sign(header: object, claims: TokenClaims, key: SigningKey): Promise<string> {
  const input = `${encode(header)}.${encode(claims)}`
  const { keyID, publicJwk, privateJwk } = key
  const signature = await createSigner({ keyID, algorithm: publicJwk.alg, privateJwk }).sign(input)
  return `${input}.${signature.toString('base64url')}`
}

/** RFC 8725 §2.1: a verifier that takes the algorithm from the token uses its public key as the secret. */
function hmacWithPublicKey(header: object, claims: TokenClaims, { publicJwk }: SigningKey): string {
  const input = `${encode(header)}.${encode(claims)}`
  const secret = importPublicKey(publicJwk).export({ type: 'spki', format: 'pem' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
