const alphabet = /^[A-Za-z0-9_-]+$/

/** The last character of each length modulo 4 whose unused bits are zero; a remainder of 1 encodes nothing. */
const lastOf = [/[A-Za-z0-9_-]$/, undefined, /[AQgw]$/, /[AEIMQUYcgkosw048]$/] as const

/**
 * Whether a text is base64url without padding in the one form that encoding gives (RFC 7515 §2, RFC 4648 §3.5), and
 * not empty. Decoders accept more: padding, white space, and a last character with stray bits.
 */
export function isCanonicalBase64url(text: string): boolean {
  return hasCanonicalEnd(text) && alphabet.test(text)
}

/** The same for a text already known to consist of the alphabet only. */
export function hasCanonicalEnd(text: string): boolean {
  return lastOf[text.length & 3]?.test(text) ?? false
}
