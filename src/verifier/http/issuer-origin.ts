import type { IssuerUrl } from '../../identity/issuer.ts'

/** Whether a URL from an issuer's document is on the issuer's origin, without credentials and fragment. */
export function isOnIssuerOrigin(url: unknown, { origin }: IssuerUrl): url is string {
  if (typeof url !== 'string' || url.length > 2048 || !URL.canParse(url)) return false
  const { origin: found, username, password, hash } = new URL(url)
  return found === origin && username === '' && password === '' && hash === ''
}
