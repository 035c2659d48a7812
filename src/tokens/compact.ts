import { isUtf8 } from 'node:buffer'
import { hasCanonicalEnd } from '../keys/base64url.ts'
import { isRecord, parseStrictJson } from '../json.ts'
import { TokenError } from './token-error.ts'

/** Most characters of a token that are read. */
export const maxTokenLength = 8192

/** A token in the one form that is read, and nothing of it trusted yet. */
export interface CompactToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** What is signed: the first two parts and the dot between them. */
  readonly signingInput: string
  readonly signature: Buffer
}

const form = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Takes a JWT in compact form apart (RFC 7515 §7.1), strictly: at most 8192 characters, three parts, each in canonical
 * base64url, header and claims JSON objects in UTF-8 without repeated members. Throws TokenError with
 * `ERR_TOKEN_MALFORMED` for anything else, encrypted tokens of five parts among it.
 */
export function parseCompact(token: string): CompactToken {
  // Callers pass on what a peer sent, which need not be what its type says.
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
