const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/** An issuer whose documents may be fetched. */
export interface IssuerUrl {
  /** As it stands in `iss`, byte by byte. */
  readonly issuer: string
  /** The same without a slash at its end, for paths to be put behind. */
  readonly base: string
  readonly origin: string
}

interface IssuerUrlOptions {
  /** Also `http:` to this very machine: for tests. */
  readonly allowHttpLoopback?: boolean | undefined
}

/**
 * Throws a TypeError for an issuer that is not an https URL without query, fragment and credentials, or not written the
 * one way that URLs are compared in.
 */
export function parseIssuerUrl(issuer: string, { allowHttpLoopback = false }: IssuerUrlOptions = {}): IssuerUrl {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  const secure =
    url?.protocol === 'https:' || (allowHttpLoopback && url?.protocol === 'http:' && loopbackHosts.has(url.hostname))
  if (url === undefined || !secure) throw new TypeError(`issuer is not an https URL: ${issuer}`)
  if ((url.href !== issuer && url.href !== `${issuer}/`) || /[?#@]/.test(issuer)) {
    throw new TypeError(`issuer is not a plain URL: ${issuer}`)
  }
  return { issuer, base: issuer.replace(/\/$/, ''), origin: url.origin }
}

/** Whether a URL that the issuer names is on the issuer's own origin, and nothing but a place there. */
export function isOfIssuer(url: unknown, { origin }: IssuerUrl): url is string {
  if (typeof url !== 'string' || url.length > 2048 || !URL.canParse(url)) return false
  const { origin: found, username, password, hash } = new URL(url)
  return found === origin && username === '' && password === '' && hash === ''
}
