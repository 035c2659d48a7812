import { isRecord, parseStrictJson } from '../../json.ts'
import { isOnIssuerOrigin } from './issuer-origin.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import { FetchError } from './fetch-error.ts'

/** What is read of `/.well-known/openid-configuration` (OIDC Discovery §3). */
interface Metadata {
  readonly jwksUri: string
  /** Where tokens are asked for (RFC 8414 §2); undefined where that is not on the origin of the issuer. */
  readonly tokenEndpoint: string | undefined
}

/** Most bytes of the document that are read. */
export const maxMetadataBytes = 64 * 1024

export function metadataUrl({ base }: IssuerUrl): string {
  return `${base}/.well-known/openid-configuration`
}

/**
 * Believes a document only where its `issuer` is the one that was asked, byte by byte (OIDC Discovery §4.3), and its keys
 * are on the same origin: what the issuer's certificate proves must cover the keys. Throws FetchError.
 */
export function parseMetadata(text: string, issuer: IssuerUrl): Metadata {
  const value = parseStrictJson(text)
  if (!isRecord(value)) throw wrongMetadata(issuer, 'is not a JSON object without repeated members')
  if (value.issuer !== issuer.issuer) throw wrongMetadata(issuer, 'is that of another issuer')
  const { jwks_uri: jwksUri, token_endpoint: tokenEndpoint } = value
  if (!isOnIssuerOrigin(jwksUri, issuer))
    throw wrongMetadata(issuer, 'names keys that are not on the origin of the issuer')
  return { jwksUri, tokenEndpoint: isOnIssuerOrigin(tokenEndpoint, issuer) ? tokenEndpoint : undefined }
}

/** A FetchError that says what is wrong with the document of an issuer. */
export function wrongMetadata(issuer: IssuerUrl, what: string): FetchError {
  return new FetchError('ERR_FETCH_CONTENT', `the document at ${metadataUrl(issuer)} ${what}`)
}
