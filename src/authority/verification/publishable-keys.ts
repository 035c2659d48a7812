import { identityKey, type IdentityName } from '../../identity/service-identity.ts'
import { parseSpiffeId } from '../../identity/spiffe-id.ts'
import type { IdentityKeys } from '../../keys/identity-keys.ts'
import { type PublicJwk, thumbprint } from '../../keys/public-jwk.ts'

/** Keys found to be named by their thumbprint, for as long as they are held. */
const named = new WeakMap<PublicJwk, boolean>()

/** What is stored to be published. */
export interface StoredKeys {
  readonly identities: readonly IdentityKeys[]
  /** The authority's own. */
  readonly authorityKeys: readonly PublicJwk[]
}

/** What may be published, and what may not: by kid, why. */
interface PublishableKeys extends StoredKeys {
  readonly refused: ReadonlyMap<string, string>
}

/**
 * Leaves out keys that would break I4 (kid → key is a function): those whose kid is not their thumbprint, and those that
 * two owners claim. Leaves out as well what speaks for another identity than the one it is published for, or for any
 * where it is not the authority's own. A bad key takes no good one with it: a list of which nothing is left out is the
 * same object as it was given.
 */
export function publishableKeys({ identities, authorityKeys }: StoredKeys): PublishableKeys {
  const chosen = new Map<string, { readonly key: PublicJwk; readonly identity: IdentityName | undefined }>()
  const claimedTwice = new Set<string>()
  const refused = new Map<string, string>()
  const judge = (key: PublicJwk, identity: IdentityName | undefined): void => {
    const { kid } = key
    const flaw = flawOf(key, identity)
    const other = chosen.get(kid)?.key
    if (flaw !== undefined) refused.set(kid, flaw)
    else if (other === undefined) chosen.set(kid, { key, identity })
    else if (other.sub !== key.sub || other.alg !== key.alg) claimedTwice.add(kid)
  }
  for (const key of authorityKeys) judge(key, undefined)
  for (const { identity, keys } of identities) {
    for (const key of keys) judge(key, identity)
  }
  for (const kid of claimedTwice) {
    chosen.delete(kid)
    refused.set(kid, 'the kid stands for two subjects or algorithms')
  }
  const remaining = (keys: readonly PublicJwk[], identity?: IdentityName): readonly PublicJwk[] => {
    const left = keys.filter((key) => {
      const one = chosen.get(key.kid)
      return one?.key === key && one.identity === identity
    })
    return left.length === keys.length ? keys : left
  }
  return {
    identities: identities.map((one) => {
      const keys = remaining(one.keys, one.identity)
      return keys === one.keys ? one : { ...one, keys }
    }),
    authorityKeys: remaining(authorityKeys),
    refused,
  }
}

/** Why a key may not be published for an identity, or for the authority where there is none. */
function flawOf(key: PublicJwk, identity: IdentityName | undefined): string | undefined {
  if (!isNamedByThumbprint(key)) return 'the kid is not the thumbprint'
  if (identity === undefined) return key.sub === undefined ? undefined : 'a key of the authority is bound to a subject'
  return isBoundTo(key, identity) ? undefined : `the subject is not that of ${identityKey(identity)}`
}

function isBoundTo({ sub = '' }: PublicJwk, { namespace, name }: IdentityName): boolean {
  const subject = parseSpiffeId(sub)
  return subject?.namespace === namespace && subject.name === name
}

function isNamedByThumbprint(key: PublicJwk): boolean {
  let answer = named.get(key)
  if (answer === undefined) {
    answer = thumbprint(key) === key.kid
    if (Object.isFrozen(key)) named.set(key, answer)
  }
  return answer
}
