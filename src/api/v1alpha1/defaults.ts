import { parseDuration } from '../../time/duration.ts'
import type { ServiceIdentitySpec, SigningKeySpec, TokenSpec } from './types.ts'

/** What the CRD fills in for absent fields; a test compares each with crds/. */
export const defaultTokenName = 'default'
export const defaultLifetime = '1h'
export const defaultProfile = 'JWT-SVID'
export const defaultAlgorithm = 'ES256'
export const defaultRotationPeriod = '24h'
export const defaultPublishAhead = '1h'

/** The form of a token: a SPIFFE JWT-SVID, or an OAuth 2.0 access token (RFC 9068). */
export type TokenProfile = NonNullable<TokenSpec['profile']>
export type SigningAlgorithm = NonNullable<SigningKeySpec['algorithm']>

/** A token of the spec with nothing left open. */
export interface EffectiveToken {
  readonly name: string
  readonly audience: string
  /** Milliseconds. */
  readonly lifetime: number
  readonly profile: TokenProfile
  /** Extra claims; their types are not yet checked. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The signing key's settings with nothing left open. */
export interface EffectiveSigningKey {
  readonly algorithm: SigningAlgorithm
  /** Milliseconds. */
  readonly rotationPeriod: number
  /** Milliseconds. */
  readonly publishAhead: number
}

/**
 * The tokens that a spec asks for. A token without an audience is for what its name says; one named `default` is for
 * the trust domain, since that is what an empty spec stands for. The name alone decides, because after defaulting no
 * one can tell a token that the user wrote from one that the API server filled in.
 *
 * The spec is one that the API server accepted: a TypeError where a lifetime is no duration.
 */
export function effectiveTokens(spec: ServiceIdentitySpec, trustDomain: string): EffectiveToken[] {
  const tokens = spec.tokens ?? [{ name: defaultTokenName }]
  return tokens.map((token) => ({
    name: token.name,
    audience: token.audience ?? (token.name === defaultTokenName ? trustDomain : token.name),
    lifetime: milliseconds(token.lifetime ?? defaultLifetime, `lifetime of token ${token.name}`),
    profile: token.profile ?? defaultProfile,
    claims: token.claims ?? {},
  }))
}

/** The signing key's settings; a TypeError where the API server would have refused a duration. */
export function effectiveSigningKey(spec: ServiceIdentitySpec): EffectiveSigningKey {
  const { algorithm, rotationPeriod, publishAhead } = spec.signingKey ?? {}
  return {
    algorithm: algorithm ?? defaultAlgorithm,
    rotationPeriod: milliseconds(rotationPeriod ?? defaultRotationPeriod, 'rotationPeriod'),
    publishAhead: milliseconds(publishAhead ?? defaultPublishAhead, 'publishAhead'),
  }
}

function milliseconds(text: string, what: string): number {
  const value = parseDuration(text)
  if (value === undefined) throw new TypeError(`${what} is not a duration: ${text}`)
  return value
}
