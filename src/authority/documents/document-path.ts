import { isIssuerPath } from '../../identity/issuer.ts'

/** Which document an answer is, for metrics. */
export type Endpoint =
  'openid-configuration' | 'oauth-authorization-server' | 'jwks' | 'trust-bundle' | 'revocations' | 'openapi'

/** What a request asks for. */
interface Location {
  readonly endpoint: Endpoint
  /** Of what: nothing for the cluster, `/ns/shop`, or `/ns/shop/sa/orders`, as in the issuer's URL. */
  readonly level: string
}

const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'
const behindLevel: readonly (readonly [string, Endpoint])[] = [
  ['/jwks.json', 'jwks'],
  ['/revocations', 'revocations'],
  [openid, 'openid-configuration'],
  [oauth, 'oauth-authorization-server'],
]

/**
 * What is found at a path, on a server whose issuers are below `base` (a path without a slash at its end). OpenID
 * clients look behind the issuer's path (OIDC Discovery §4.1), others put it behind the well-known one (RFC 8414 §3.1).
 * The path is taken as it was sent: nothing is decoded or normalised, so that no two spellings meet. Undefined where
 * nothing ever is.
 */
export function locate(base: string, path: string): Location | undefined {
  if (path.startsWith(`${oauth}${base}`)) {
    const level = path.slice(oauth.length + base.length)
    if (isIssuerPath(level)) return { endpoint: 'oauth-authorization-server', level }
  }
  if (!path.startsWith(base)) return undefined
  const rest = path.slice(base.length)
  if (rest === '/bundle.json') return { endpoint: 'trust-bundle', level: '' }
  if (rest === '/openapi.json') return { endpoint: 'openapi', level: '' }
  for (const [suffix, endpoint] of behindLevel) {
    if (!rest.endsWith(suffix)) continue
    const level = rest.slice(0, -suffix.length)
    return isIssuerPath(level) ? { endpoint, level } : undefined
  }
  return undefined
}
