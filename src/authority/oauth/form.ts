import { OAuthError } from './oauth-error.ts'

/** The size limit of a form, in bytes: room for two tokens of the maximum length. */
export const maxFormBytes = 16 * 1024
/** The maximum number of parameters, unknown ones included. */
const maxParameters = 32

const mediaType = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i
/** Characters that must be percent-encoded in a form. */
const unencoded = /[^\x21-\x7e]/
const encoded = /[%+]/

/** Whether a Content-Type header names a form in UTF-8 (RFC 6749 appendix B). */
export function isFormType(header: string | undefined): boolean {
  return header !== undefined && mediaType.test(header)
}

/**
 * Parses an `application/x-www-form-urlencoded` body. Parameters without a value are left out (RFC 6749 §3.2). Throws an
 * OAuthError with `invalid_request` for a repeated parameter, even if it has no value, for a parameter without a name, for
 * more than 32 parameters, and for text that is not percent-encoded UTF-8. The caller limits the length of the body.
 */
export function parseForm(body: Buffer): ReadonlyMap<string, string> {
  const text = body.toString('latin1')
  const form = new Map<string, string>()
  if (text === '') return form
  if (unencoded.test(text)) throw invalid('the body is not percent-encoded')
  let empty: Set<string> | undefined
  let count = 0
  for (let start = 0; start <= text.length;) {
    const next = text.indexOf('&', start)
    const end = next === -1 ? text.length : next
    count += 1
    if (count > maxParameters) throw invalid(`the body has more than ${maxParameters} parameters`)
    const equals = text.indexOf('=', start)
    const split = equals === -1 || equals > end ? end : equals
    const name = decode(text.slice(start, split))
    const value = decode(text.slice(split + 1, end))
    if (name === '') throw invalid('a parameter has no name')
    if (form.has(name) || empty?.has(name) === true) throw invalid('a parameter is sent twice: send each once')
    if (value === '') empty = (empty ?? new Set()).add(name)
    else form.set(name, value)
    start = end + 1
  }
  return form
}

function decode(text: string): string {
  if (!encoded.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw invalid('a parameter is not percent-encoded UTF-8')
  }
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'form' })
}
