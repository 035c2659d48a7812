import { isRecord, parseStrictJson } from '../keys/strict-json.ts'
import { isOfIssuer, type IssuerUrl } from './issuer-url.ts'
import { FetchError } from './verifier-error.ts'

/** What is read of `/.well-known/openid-configuration` (OIDC Discovery §3). */
export interface Metadata {
  readonly jwksUri: string
  /** Undefined where there is none on the issuer's own origin. */
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
  if (!isRecord(value)) throw wrong(issuer, 'is not a JSON object without repeated members')
  if (value.issuer !== issuer.issuer) throw wrong(issuer, 'is that of another issuer')
  const { jwks_uri: jwksUri, token_endpoint: endpoint } = value
  if (!isOfIssuer(jwksUri, issuer)) throw wrong(issuer, 'names keys that are not on the origin of the issuer')
  return { jwksUri, tokenEndpoint: isOfIssuer(endpoint, issuer) ? endpoint : undefined }
}

function wrong(issuer: IssuerUrl, what: string): FetchError {
  return new FetchError('ERR_FETCH_CONTENT', `the document at ${metadataUrl(issuer)} ${what}`)
}
