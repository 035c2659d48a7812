import type { SpiffeId } from '../../identity/spiffe-id.ts'

/** The namespace whose identities' names could be read as a Service's DNS name. */
const serviceLabel = 'svc'

/**
 * Whether an audience means this identity, and no other that there could be. Never the trust domain, which is every
 * identity's default audience, however it may read: `cluster.local` is also `cluster` of a namespace `local`. It is one of
 * - its SPIFFE ID;
 * - `<name>.<namespace>` and `<name>.<namespace>.svc`, as its Service is called. A namespace has no dot, so these name one
 *   identity each, but for a dotted name in a namespace called `svc`, which is left out;
 * - its bare name, where the token's own subject is of the same namespace: a name says nothing of the namespace it is
 *   in, and `payments` of one namespace must not read what is meant for `payments` of another. Not a name with a dot,
 *   which may be another identity's with its namespace.
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
