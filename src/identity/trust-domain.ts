const form = /^[a-z0-9._-]{1,255}$/

/**
 * Whether the text is a SPIFFE trust domain name: lower-case letters, digits, dots, dashes and underscores (SPIFFE-ID
 * §2.1).
 */
export function isTrustDomain(text: string): boolean {
  return form.test(text)
}
