import { identityKey, type IdentityName } from '../identity/service-identity.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import type { IdentityKeys } from './identity-keys.ts'
import { type PublicJwk, thumbprint } from './public-jwk.ts'

/** Whether the kid of a frozen key is its thumbprint, computed once per key. */
const named = new WeakMap<PublicJwk, boolean>()

/** The public keys as stored, unchecked. */
export interface StoredKeys {
  readonly identities: readonly IdentityKeys[]
  readonly issuingKeys: readonly PublicJwk[]
}

/** The keys that may be published, and the refused ones: kid → reason. */
interface PublishableKeys extends StoredKeys {
  readonly refused: ReadonlyMap<string, string>
}

/**
 * Removes the keys that must not be published, and no others. Lists that lose no key are returned as the same object.
 *
 * | refused | because |
 * |---|---|
 * | a kid that is not the thumbprint, or stands for two subjects or algorithms | a kid must name one key (I4) |
 * | an identity's key that is bound to another subject or to none | it would sign for another identity |
 * | an issuing key that is bound to a subject | it must sign for every identity |
 */
export function publishableKeys({ identities, issuingKeys }: StoredKeys): PublishableKeys {
  const chosen = new Map<string, { readonly key: PublicJwk; readonly identity: IdentityName | undefined }>()
  const claimedTwice = new Set<string>()
  const refused = new Map<string, string>()
  const check = (key: PublicJwk, identity: IdentityName | undefined): void => {
    const { kid } = key
    const flaw = flawOf(key, identity)
    const other = chosen.get(kid)?.key
    if (flaw !== undefined) refused.set(kid, flaw)
    else if (other === undefined) chosen.set(kid, { key, identity })
    else if (other.sub !== key.sub || other.alg !== key.alg) claimedTwice.add(kid)
  }
  for (const key of issuingKeys) check(key, undefined)
  for (const { identity, keys } of identities) {
    for (const key of keys) check(key, identity)
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
    issuingKeys: remaining(issuingKeys),
    refused,
  }
}

/** Why a key must not be published for an identity, or as an issuing key if there is no identity. */
function flawOf(key: PublicJwk, identity: IdentityName | undefined): string | undefined {
  if (!isNamedByThumbprint(key)) return 'the kid is not the thumbprint'
  if (identity === undefined) return key.sub === undefined ? undefined : 'an issuing key is bound to a subject'
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
