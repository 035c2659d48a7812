import { randomBytes } from 'node:crypto'
import type { PublicJwk } from '../keys/public-jwk.ts'
import type { Signer } from '../keys/signer.ts'
import { type Profile, type TokenClaims, tokenTypes } from './claims.ts'
import { verifyTokenSync } from './verify.ts'

export interface MintInput {
  readonly signer: Signer
  readonly claims: TokenClaims
  readonly profile: Profile
  /** The public half of the signer's key, as published. */
  readonly publicJwk: PublicJwk
}

export interface MintedToken {
  readonly token: string
  readonly claims: TokenClaims
  readonly keyID: string
}

/** Generates a token ID (`jti`): 128 random bits in base64url. */
export function newTokenID(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Signs a token, and verifies it as a relying party would before returning it: form, key, subject and claims. Throws a
 * TokenError if it would be refused.
 */
export async function mintToken(input: MintInput): Promise<MintedToken> {
  const { claims, publicJwk, profile } = input
  const minted = await signToken(input)
  verifyTokenSync(minted.token, {
    keys: (kid) => (kid === publicJwk.kid ? publicJwk : undefined),
    issuer: claims.iss,
    audience: typeof claims.aud === 'string' ? claims.aud : claims.aud[0],
    now: claims.iat * 1000,
    skewMs: 0,
    profile,
  })
  return minted
}

/** Signs a token without verifying it, for callers that know otherwise that it will be accepted. */
export async function signToken({ signer, claims, profile }: Omit<MintInput, 'publicJwk'>): Promise<MintedToken> {
  const header = { alg: signer.algorithm, kid: signer.keyID, typ: tokenTypes[profile] }
  const signingInput = `${encode(header)}.${encode(claims)}`
  const signature = await signer.sign(signingInput)
  return { token: `${signingInput}.${signature.toString('base64url')}`, claims, keyID: signer.keyID }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
