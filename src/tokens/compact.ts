import { isUtf8 } from 'node:buffer'
import { hasCanonicalEnd } from '../keys/base64url.ts'
import { isRecord, parseStrictJson } from '../json.ts'
import { TokenError } from './token-error.ts'

/** The longest accepted token, in characters. */
export const maxTokenLength = 8192

/** A decoded token, not yet verified. */
export interface CompactToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The signed text: the first two parts with the dot between them (RFC 7515 §5.1). */
  readonly signingInput: string
  readonly signature: Buffer
}

const form = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Decodes a JWT in compact serialization (RFC 7515 §7.1), strictly: at most 8192 characters, three parts in canonical
 * base64url, header and claims as UTF-8 JSON objects without duplicate members. Throws a TokenError with
 * `ERR_TOKEN_MALFORMED` for anything else, encrypted tokens of five parts included.
 */
export function parseCompact(token: string): CompactToken {
  // Callers pass what a peer sent, which may be of any type at run time.
  if (typeof (token as unknown) !== 'string') throw malformed('token is not a string')
  if (token.length > maxTokenLength) throw malformed(`token has more than ${maxTokenLength} characters`)
  if (!form.test(token)) throw malformed('token is not three parts of base64url')
  const first = token.indexOf('.')
  const second = token.lastIndexOf('.')
  const signature = token.slice(second + 1)
  if (!hasCanonicalEnd(signature)) throw malformed('signature is not in canonical base64url')
  return {
    header: parsePart(token.slice(0, first), 'header'),
    claims: parsePart(token.slice(first + 1, second), 'claims set'),
    signingInput: token.slice(0, second),
    signature: Buffer.from(signature, 'base64url'),
  }
}

function parsePart(part: string, name: string): Record<string, unknown> {
  if (!hasCanonicalEnd(part)) throw malformed(`${name} is not in canonical base64url`)
  const bytes = Buffer.from(part, 'base64url')
  const value = isUtf8(bytes) ? parseStrictJson(bytes.toString()) : undefined
  if (!isRecord(value)) throw malformed(`${name} is not a JSON object without repeated members`)
  return value
}

function malformed(message: string): TokenError {
  return new TokenError('ERR_TOKEN_MALFORMED', message)
}
