import { parseCompact } from './compact.ts'

/** What a token says, unverified. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Header and claims for display: never the signature, and nothing of it may be trusted. Throws TokenError with
 * `ERR_TOKEN_MALFORMED`.
 */
export function decodeToken(token: string): DecodedToken {
  const { header, claims } = parseCompact(token)
  return { header, claims }
}
