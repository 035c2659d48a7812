import type { SpiffeId } from '../../identity/spiffe-id.ts'

/** The namespace whose identities' names could be read as the DNS name of a Service. */
const serviceLabel = 'svc'

/**
 * Whether an audience names this identity, and cannot name another one.
 *
 * | audience | names the identity |
 * |---|---|
 * | the trust domain | never: it is the default audience of every identity, even if it reads like a Service, as `cluster.local` does |
 * | the SPIFFE ID | always |
 * | `<name>.<namespace>` | always, because a namespace has no dot; except a dotted name in a namespace called `svc` |
 * | `<name>.<namespace>.svc` | always |
 * | `<name>` | if the token's subject is in the same namespace and the name has no dot |
 *
 * A bare name does not say its namespace: `payments` of one namespace must not introspect tokens for `payments` of
 * another. A name with a dot may be the `<name>.<namespace>` of another identity.
 */
export function ownsAudience(owner: SpiffeId, audience: string, subject: SpiffeId): boolean {
  const { trustDomain, namespace, name } = owner
  if (audience === trustDomain) return false
  if (audience === `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`) return true
  const dotted = name.includes('.')
  if (audience === `${name}.${namespace}`) return !(dotted && namespace === serviceLabel)
  if (audience === `${name}.${namespace}.${serviceLabel}`) return true
  return audience === name && !dotted && sameNamespace(owner, subject)
}

function sameNamespace(one: SpiffeId, other: SpiffeId): boolean {
  return one.trustDomain === other.trustDomain && one.namespace === other.namespace
}
