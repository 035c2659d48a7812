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
