import type { IdentityName } from './service-identity.ts'

/** The identities that share one `iss`: all of the cluster, all of a namespace, or a single one. */
export const issuerScopes = ['cluster', 'namespace', 'identity'] as const
export type IssuerScope = (typeof issuerScopes)[number]

const form = /^\/ns\/[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\/sa\/[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)?$/

/** The path of an issuer below the base: empty, `/ns/shop` or `/ns/shop/sa/orders`. */
export function issuerPath(scope: IssuerScope, { namespace, name }: IdentityName): string {
  if (scope === 'cluster') return ''
  return scope === 'namespace' ? `/ns/${namespace}` : `/ns/${namespace}/sa/${name}`
}

/** Whether the text is a path that `issuerPath` returns, the empty one included. */
export function isIssuerPath(text: string): boolean {
  return text === '' || form.test(text)
}

/** The issuer at a path below the base. The cluster's issuer equals the base byte by byte. */
export function issuerAt(base: string, path: string): string {
  return path === '' ? base : `${base.replace(/\/$/, '')}${path}`
}

/**
 * The `iss` of an identity's tokens, and the URL that the issuer's documents are served below (OIDC Discovery §4.1).
 */
export function issuerOf(base: string, scope: IssuerScope, identity: IdentityName): string {
  return issuerAt(base, issuerPath(scope, identity))
}

/** An issuer and the parts of its URL. */
export interface IssuerUrl {
  /** The `iss` claim, byte by byte. */
  readonly issuer: string
  /** The issuer without a trailing slash, to append paths to. */
  readonly base: string
  /** The path of `base`; empty if the issuer is an origin. */
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
