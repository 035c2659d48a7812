import type { IdentityName } from './service-identity.ts'

/** Whose tokens share one `iss`: those of the whole cluster, of one namespace, or of one identity. */
export const issuerScopes = ['cluster', 'namespace', 'identity'] as const
export type IssuerScope = (typeof issuerScopes)[number]

const form = /^\/ns\/[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\/sa\/[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)?$/

/** Where below the base an issuer of this scope is: nowhere else, `/ns/shop` or `/ns/shop/sa/orders`. */
export function issuerPath(scope: IssuerScope, { namespace, name }: IdentityName): string {
  if (scope === 'cluster') return ''
  return scope === 'namespace' ? `/ns/${namespace}` : `/ns/${namespace}/sa/${name}`
}

/** Whether the text is what `issuerPath` gives for some namespace or identity, the cluster's empty one included. */
export function isIssuerPath(text: string): boolean {
  return text === '' || form.test(text)
}

/** The issuer at a path below the base. That of the cluster is the base itself, byte by byte. */
export function issuerAt(base: string, path: string): string {
  return path === '' ? base : `${base.replace(/\/$/, '')}${path}`
}

/** What the tokens of an identity say in `iss`, and where its documents are found (OIDC Discovery §4.1). */
export function issuerOf(base: string, scope: IssuerScope, identity: IdentityName): string {
  return issuerAt(base, issuerPath(scope, identity))
}

/** An issuer and the parts of its URL. */
export interface IssuerUrl {
  /** The `iss` claim, byte by byte. */
  readonly issuer: string
  /** The issuer without a trailing slash, to append paths to. */
  readonly base: string
  /** The path of `base`: empty for an origin. */
  readonly path: string
  readonly origin: string
}

interface ParseIssuerOptions {
  /** Accepts `http:` for a loopback address as well. For tests. */
  readonly allowHttpLoopback?: boolean | undefined
}

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Parses an issuer. Throws a TypeError unless the issuer is an https URL in its normal form, without query, fragment and
 * credentials (OIDC Discovery §3).
 */
export function parseIssuer(issuer: string, { allowHttpLoopback = false }: ParseIssuerOptions = {}): IssuerUrl {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  const secure =
    url?.protocol === 'https:' || (allowHttpLoopback && url?.protocol === 'http:' && loopbackHosts.has(url.hostname))
  // The slash that the parser appends to a bare origin is the only permitted difference: one issuer, one spelling.
  if (url === undefined || !secure || (url.href !== issuer && url.href !== `${issuer}/`) || /[?#@]/.test(issuer)) {
    throw new TypeError(`issuer is not a plain https URL: ${issuer}`)
  }
  return { issuer, base: issuer.replace(/\/$/, ''), path: url.pathname.replace(/\/$/, ''), origin: url.origin }
}
