import { LRUCache } from 'lru-cache'
import { issuedBeforeTime, latestEnd } from '../../api/v1alpha1/revocation.ts'
import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { parseTime } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import type { KubeObject } from '../client/object.ts'

/** The effect of a TokenRevocation. */
export interface RevocationFact {
  readonly revocation: Revocation
  /** From when the revocation applies, in seconds since the epoch; 0 for always. */
  readonly from: number
}

/** A TokenRevocation reduced to what the authority needs: a cluster may have 100,000. */
export interface CachedRevocation extends KubeObject {
  /** Absent if the object revokes nothing, such as one that the controller refused. */
  readonly fact?: RevocationFact
}

/**
 * Returns the transform that reduces TokenRevocations to their effect. The subject is built from the object's own
 * namespace, so that a TokenRevocation affects identities of its namespace only (I8). Equal subjects share one string.
 */
export function revocationTransform(trustDomain: string): (object: TokenRevocation & KubeObject) => CachedRevocation {
  const subjects = new LRUCache<string, string>({ max: 4096 })
  const intern = (text: string): string => {
    const known = subjects.get(text)
    if (known === undefined) subjects.set(text, text)
    return known ?? text
  }
  return (object) => {
    const { name, namespace = '', uid = '', resourceVersion = '' } = object.metadata
    const fact = factOf(object, (identity) => intern(formatSpiffeId({ trustDomain, namespace, name: identity })))
    const metadata = { name, namespace, uid, resourceVersion }
    return fact === undefined ? { metadata } : { metadata, fact }
  }
}

function factOf(object: TokenRevocation, subjectOf: (identity: string) => string): RevocationFact | undefined {
  const { identity, keyID, tokenID } = object.spec
  // The controller derives expiresAt from the identity's status; until then the latest possible end applies.
  const end = parseTime(object.status?.expiresAt) ?? latestEnd(object)
  const common = { sub: subjectOf(identity), exp: Math.ceil(end / SECOND) }
  if (keyID !== undefined) return { revocation: { ...common, kid: keyID }, from: 0 }
  if (tokenID !== undefined) return { revocation: { ...common, jti: tokenID }, from: 0 }
  const before = issuedBeforeTime(object)
  if (typeof before !== 'number') return undefined
  // A future time applies only once it has come: before, it would revoke the tokens being minted.
  return { revocation: { ...common, issued_before: before / SECOND }, from: before / SECOND }
}
