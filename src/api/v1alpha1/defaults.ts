import { parseDuration } from '../../time/duration.ts'
import type { ServiceIdentitySpec, SigningKeySpec, TokenSpec } from './types.ts'

/** The defaults of the CRD; a test compares each with crds/. */
export const defaultTokenName = 'default'
export const defaultLifetime = '1h'
export const defaultProfile = 'JWT-SVID'
export const defaultAlgorithm = 'ES256'
export const defaultRotationPeriod = '24h'
export const defaultPublishAhead = '1h'

/** The form of a token: a SPIFFE JWT-SVID, or an OAuth 2.0 access token (RFC 9068). */
export type TokenProfile = NonNullable<TokenSpec['profile']>
export type SigningAlgorithm = NonNullable<SigningKeySpec['algorithm']>

/** A token of the spec with all defaults applied. */
export interface EffectiveToken {
  readonly name: string
  readonly audience: string
  /** In milliseconds. */
  readonly lifetime: number
  readonly profile: TokenProfile
  /** Extra claims; their types are not yet checked. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The signing key's settings with all defaults applied. */
export interface EffectiveSigningKey {
  readonly algorithm: SigningAlgorithm
  /** In milliseconds. */
  readonly rotationPeriod: number
  /** In milliseconds. */
  readonly publishAhead: number
}

/**
 * The tokens of a spec. The audience of a token defaults to the token's name, and for the name `default` to the trust
 * domain. Only the name decides, because after defaulting a token written by the user and one added by the API server
 * look the same.
 *
 * Expects a spec that the API server accepted; throws a TypeError for an invalid lifetime.
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

/** The signing key's settings. Throws a TypeError for an invalid duration, which the API server refuses. */
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
