import { LRUCache } from 'lru-cache'
import { issuedBeforeTime, latestEnd } from '../../api/v1alpha1/revocation.ts'
import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { parseTime } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import type { KubeObject } from '../client/object.ts'

/** What a TokenRevocation comes to. */
export interface RevocationFact {
  readonly revocation: Revocation
  /** From when it holds, in seconds since the epoch; 0 for always. */
  readonly from: number
}

/** A TokenRevocation as the authority keeps it: there may be a hundred thousand. */
export interface LeanRevocation extends KubeObject {
  /** Absent where it revokes nothing, as one that was refused. */
  readonly fact?: RevocationFact
}

/**
 * Reads TokenRevocations into what they mean. One of a namespace means an identity of that namespace only (I8): its
 * subject is made of the object's own namespace. Subjects that are equal are one string.
 */
export function leanRevocations(trustDomain: string): (object: TokenRevocation & KubeObject) => LeanRevocation {
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
  // The controller knows from the identity's status what is alive; before it has judged, the longest there is.
  const end = parseTime(object.status?.expiresAt) ?? latestEnd(object)
  const common = { sub: subjectOf(identity), exp: Math.ceil(end / SECOND) }
  if (keyID !== undefined) return { revocation: { ...common, kid: keyID }, from: 0 }
  if (tokenID !== undefined) return { revocation: { ...common, jti: tokenID }, from: 0 }
  const before = issuedBeforeTime(object)
  if (typeof before !== 'number') return undefined
  // A time that is ahead holds when it has come: until then it would refuse the tokens that are minted now.
  return { revocation: { ...common, issued_before: before / SECOND }, from: before / SECOND }
}
