import { isRecord, parseStrictJson } from '../../json.ts'
import { isOnIssuerOrigin } from './issuer-origin.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import { FetchError } from './fetch-error.ts'

/** The members that are read of `/.well-known/openid-configuration` (OIDC Discovery §3). */
interface Metadata {
  readonly jwksUri: string
  /** The token endpoint (RFC 8414 §2); undefined if missing or not on the issuer's origin. */
  readonly tokenEndpoint: string | undefined
}

/** Limits the document, in bytes. */
export const maxMetadataBytes = 64 * 1024

export function metadataUrl({ base }: IssuerUrl): string {
  return `${base}/.well-known/openid-configuration`
}

/**
 * Parses a discovery document. Its `issuer` must equal the requested one byte by byte (OIDC Discovery §4.3), and its
 * keys must be on the issuer's origin, because only that origin is authenticated by the TLS certificate. Throws a
 * FetchError.
 */
export function parseMetadata(text: string, issuer: IssuerUrl): Metadata {
  const value = parseStrictJson(text)
  if (!isRecord(value)) throw wrongMetadata(issuer, 'is not a JSON object without repeated members')
  if (value.issuer !== issuer.issuer) throw wrongMetadata(issuer, 'belongs to another issuer')
  const { jwks_uri: jwksUri, token_endpoint: tokenEndpoint } = value
  if (!isOnIssuerOrigin(jwksUri, issuer))
    throw wrongMetadata(issuer, "has a jwks_uri that is not on the issuer's origin")
  return { jwksUri, tokenEndpoint: isOnIssuerOrigin(tokenEndpoint, issuer) ? tokenEndpoint : undefined }
}

/** The error for an unacceptable discovery document. */
export function wrongMetadata(issuer: IssuerUrl, what: string): FetchError {
  return new FetchError('ERR_FETCH_CONTENT', `the document at ${metadataUrl(issuer)} ${what}`)
}
