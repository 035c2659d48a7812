const form = /^[a-z0-9._-]{1,255}$/

/** Whether the text is a SPIFFE trust domain name (SPIFFE-ID §2.1): lower case, digits, dot, dash, underscore. */
export function isTrustDomain(text: string): boolean {
  return form.test(text)
}
