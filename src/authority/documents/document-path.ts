import { isIssuerPath } from '../../identity/issuer.ts'

/** The kind of a document, also a metric label. */
export type Endpoint =
  'openid-configuration' | 'oauth-authorization-server' | 'jwks' | 'trust-bundle' | 'revocations' | 'openapi'

/** The document that a path names. */
interface Location {
  readonly endpoint: Endpoint
  /** The path of the issuer below the base: empty for the cluster, `/ns/shop`, or `/ns/shop/sa/orders`. */
  readonly scope: string
}

const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'
const suffixes: readonly (readonly [string, Endpoint])[] = [
  ['/jwks.json', 'jwks'],
  ['/revocations', 'revocations'],
  [openid, 'openid-configuration'],
  [oauth, 'oauth-authorization-server'],
]

/**
 * Finds the document at a path, on a server whose issuers are below `base` (a path without a trailing slash). OpenID
 * clients append the well-known path to the issuer (OIDC Discovery §4.1), OAuth clients insert it before the issuer's path
 * (RFC 8414 §3.1). The path is compared undecoded, so that each document has one spelling. Undefined for a path that never
 * has a document.
 */
export function locate(base: string, path: string): Location | undefined {
  if (path.startsWith(`${oauth}${base}`)) {
    const scope = path.slice(oauth.length + base.length)
    if (isIssuerPath(scope)) return { endpoint: 'oauth-authorization-server', scope }
  }
  if (!path.startsWith(base)) return undefined
  const rest = path.slice(base.length)
  if (rest === '/bundle.json') return { endpoint: 'trust-bundle', scope: '' }
  if (rest === '/openapi.json') return { endpoint: 'openapi', scope: '' }
  for (const [suffix, endpoint] of suffixes) {
    if (!rest.endsWith(suffix)) continue
    const scope = rest.slice(0, -suffix.length)
    return isIssuerPath(scope) ? { endpoint, scope } : undefined
  }
  return undefined
}
