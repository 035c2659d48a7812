import type { StoredKeys } from '../../src/keys/publishable-keys.ts'
import type { PublicKeySource } from '../../src/keys/public-key-source.ts'
import { type IdentityName, parseIdentityKey } from '../../src/identity/service-identity.ts'
import type { IdentityKeys } from '../../src/keys/identity-keys.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'

/** These keys for the identity of a key such as `shop/orders`, bound to its subject. Its uid is that key, too. */
export function keysOf(key: string, ...keys: readonly PublicJwk[]): IdentityKeys {
  const identity = parseIdentityKey(key)
  const sub = `spiffe://cluster.local/ns/${identity.namespace}/sa/${identity.name}`
  return { identity, keys: keys.map((one) => ({ ...one, sub })), uid: key }
}

/** What is stored, by default without any key of the authority's own. */
export function stored(identities: readonly IdentityKeys[], ...issuingKeys: readonly PublicJwk[]): StoredKeys {
  return { identities, issuingKeys }
}

/** A source that is told what it holds. */
export class FakeSource implements PublicKeySource {
  version = 0
  sequence = 0
  private held: readonly IdentityKeys[] = []
  private own: readonly PublicJwk[] = []
  private complete = false
  private readonly callbacks = new Set<() => void>()

  identities(): readonly IdentityKeys[] {
    return this.held
  }

  has({ namespace, name }: IdentityName): boolean {
    return this.held.some(({ identity }) => identity.namespace === namespace && identity.name === name)
  }

  issuingKeys(): readonly PublicJwk[] {
    return this.own
  }

  ready(): boolean {
    return this.complete
  }

  onChange(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  get listeners(): number {
    return this.callbacks.size
  }

  set(held: readonly IdentityKeys[], version = this.version + 1): void {
    this.held = held
    this.version = version
    this.sequence = 1000 + version
    this.complete = true
    this.notify()
  }

  setIssuingKeys(...own: readonly PublicJwk[]): void {
    this.own = own
    this.set(this.held)
  }

  setReady(ready: boolean): void {
    this.complete = ready
    this.notify()
  }

  private notify(): void {
    for (const callback of this.callbacks) callback()
  }
}
