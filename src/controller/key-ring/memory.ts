import { ownerKey, type RingOwner } from '../../identity/key-owner.ts'
import type { StoredKeyRing } from '../../keys/key-ring/store.ts'

/** The last good ring of each owner: what this process wrote, or read and trusted. */
export class RingMemory {
  readonly #rings = new Map<string, StoredKeyRing>()

  get(owner: RingOwner): StoredKeyRing | undefined {
    return this.#rings.get(ownerKey(owner))
  }

  keep(owner: RingOwner, ring: StoredKeyRing): void {
    this.#rings.set(ownerKey(owner), ring)
  }

  forget(owner: RingOwner): void {
    this.#rings.delete(ownerKey(owner))
  }
}
