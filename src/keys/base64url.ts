const alphabet = /^[A-Za-z0-9_-]+$/

/** By length modulo 4: the last characters whose unused bits are zero. No encoding has a remainder of 1. */
const lastOf = [/[A-Za-z0-9_-]$/, undefined, /[AQgw]$/, /[AEIMQUYcgkosw048]$/] as const

/**
 * Whether a text is non-empty, canonical base64url without padding (RFC 7515 §2, RFC 4648 §3.5). Decoders also accept
 * padding, white space, and a last character whose unused bits are set.
 */
export function isCanonicalBase64url(text: string): boolean {
  return hasCanonicalEnd(text) && alphabet.test(text)
}

/** Whether a text is canonical base64url, given that it consists of the alphabet's characters only. */
export function hasCanonicalEnd(text: string): boolean {
  return lastOf[text.length & 3]?.test(text) ?? false
}
