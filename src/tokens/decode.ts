import { parseCompact } from './compact.ts'

/** The content of a token, not verified. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Decodes header and claims for display, without the signature. Nothing of the result may be trusted. Throws a
 * TokenError with `ERR_TOKEN_MALFORMED`.
 */
export function decodeToken(token: string): DecodedToken {
  const { header, claims } = parseCompact(token)
  return { header, claims }
}
