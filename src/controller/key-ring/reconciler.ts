import { ownerKey } from '../../identity/key-owner.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { serializeJwks } from '../../keys/jwks.ts'
import { sealKeyRing } from '../../keys/key-ring/seal.ts'
import { type KeyRing, type KeySlot, publicKeys, type SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import { LockedKeyRingError } from '../../keys/key-ring/codec.ts'
import { KeyRingError } from '../../keys/key-ring/errors.ts'
import type { PublishedKeys, StoredKeyRing } from '../../keys/key-ring/store.ts'
import { isLater } from '../../kube/client/object.ts'
import { Reason } from '../../policy/reasons.ts'
import { decideRing, ringNextChangeAt, signingSlot, type WantedKeys, withNewKey } from '../../policy/signing-key.ts'
import type { SlotChange } from '../../rotation/slots.ts'
import type { Restored } from '../repair-backoff.ts'
import { KeyRingBlockedError, type KeyOwner, type KeyRingOptions, StaleKeyRingError } from './owner.ts'
import { TrustedRings } from './trusted-rings.ts'

/** A step in the life of one key, for the log, the Event and the metric. */
export interface KeyChange {
  readonly keyID: string
  readonly change: 'Created' | SlotChange
  readonly reason?: Reason
}

export interface KeyOutcome {
  readonly ring: KeyRing
  /** The key that may sign now; undefined until its public half is stored. */
  readonly signing: KeySlot | undefined
  readonly changes: readonly KeyChange[]
  /** The restore of the ring within the last ten minutes, after another client deleted or replaced it. */
  readonly restored: Restored | undefined
  /** When time alone changes something, in milliseconds since the epoch. */
  readonly lookAgainAt: number | undefined
}

/** More writes than any step of the life cycle needs: only a competing writer makes a reconcile reach it. */
const maxSteps = 6

/**
 * Brings one key ring and its public keys to the state that the spec and the clock ask for.
 *
 * The order of writes makes a crash harmless: the ring is stored first, then its public keys, and only then may a key
 * sign or another key be added. The next run completes the interrupted step, and the published keys are never more than
 * one key behind.
 */
export class KeyRingReconciler {
  readonly trusted: TrustedRings
  readonly #options: KeyRingOptions

  constructor(options: KeyRingOptions) {
    this.#options = options
    this.trusted = new TrustedRings(options)
  }

  async reconcile(owner: KeyOwner, wanted: WantedKeys, signal: AbortSignal): Promise<KeyOutcome> {
    const { clock } = this.#options
    const changes: KeyChange[] = []
    const found = await this.trusted.find(owner, signal).catch(async (error: unknown) => {
      if (error instanceof KeyRingBlockedError) await this.#withdraw(owner, wanted, signal)
      throw error
    })
    let stored = found ?? (await this.#first(owner, wanted, changes, signal))
    let published = this.#options.publicKeys.get(owner)
    for (let steps = 0; steps < maxSteps; steps += 1) {
      const ring = stored.open()
      // The ring records a lost publication before the keys are published again: `publishAhead` counts from then.
      const lost = hasLostPublication(ring, published)
      if (!lost && (published === undefined || !isPublished(owner, ring, published))) {
        // A ring that this run wrote is the latest, as the write was compared and swapped.
        if (stored === found || isLater(published?.ringVersion, stored.version)) {
          await this.#confirm(owner, stored, signal)
        }
        published = await this.#publish(owner, stored, ring, published, signal)
      }
      const input = { ring, wanted, published: published?.keys, now: clock.now() }
      const step = decideRing(input)
      if (step.unchanged) {
        if (stored.outdated) await this.#replace(owner, stored, ring, signal)
        return { ring, signing: signingSlot(input), changes, ...this.#later(owner, ringNextChangeAt(input)) }
      }
      const next =
        step.successor === undefined ? step.ring : await this.#add(step.ring, wanted, step.successor, changes)
      stored = await this.#replace(owner, stored, await sealKeyRing(next, ring), signal)
      changes.push(...step.changes)
    }
    throw new Error(`key ring of ${ownerKey(owner)} still needs changes after ${maxSteps} writes`)
  }

  /** uid of the identity that owns the ring in the watch; undefined if no readable ring exists. */
  uidOf(identity: IdentityName): string | undefined {
    try {
      return this.#options.rings.get(identity)?.open().uid
    } catch (error) {
      if (error instanceof LockedKeyRingError) return error.ring.uid
      if (error instanceof KeyRingError) return undefined
      throw error
    }
  }

  /**
   * Deletes the public keys and the ring of a deleted identity, whose tokens stop verifying. With a uid, deletes only
   * what belonged to that identity, because an identity of the same name may exist again.
   */
  async sweep(identity: IdentityName, signal: AbortSignal, uid?: string): Promise<void> {
    const { publicKeys: published, rings } = this.#options
    await published.remove(identity, signal, uid)
    await rings.remove(identity, signal, uid)
    this.trusted.forget(identity)
  }

  /** Removes revoked keys from the public keys although the ring is blocked: a damaged ring must not protect a key. */
  async #withdraw(owner: KeyOwner, { revoked }: WantedKeys, signal: AbortSignal): Promise<void> {
    const published = this.#options.publicKeys.get(owner)
    if (published === undefined) return
    const { uid = owner.uid, ringVersion } = published
    const keys = published.keys.filter(({ kid }) => revoked?.has(kid) !== true)
    if (keys.length === published.keys.length) return
    await this.#options.publicKeys.put(owner, published, { keys, uid, ringVersion }, signal)
  }

  /** Creates the first ring. */
  async #first(owner: KeyOwner, wanted: WantedKeys, changes: KeyChange[], signal: AbortSignal): Promise<StoredKeyRing> {
    const { uid, subject } = owner
    const ring = await this.#add({ uid, subject, slots: [] }, wanted, Reason.FirstKey, changes)
    return this.trusted.create(owner, await sealKeyRing(ring, undefined), signal)
  }

  async #replace(
    owner: KeyOwner,
    previous: StoredKeyRing,
    ring: SealedKeyRing,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    const stored = await this.#options.rings.replace(owner, previous, ring, signal)
    this.trusted.keep(owner, stored)
    return stored
  }

  /**
   * Checks ring and identity with the API server before public keys are published again: a lagging watch may show an
   * outdated ring, or an identity whose deletion removed its public keys.
   */
  async #confirm(owner: KeyOwner, stored: StoredKeyRing, signal: AbortSignal): Promise<void> {
    await this.trusted.confirm(owner, signal)
    const live = await this.#options.rings.fetch(owner, signal)
    if (live?.version === stored.version) return
    const message = `key ring of ${ownerKey(owner)} has changed since it was read`
    throw new StaleKeyRingError('ERR_STALE_KEY_RING', message)
  }

  /** Replaces the public keys that were read, an earlier identity's too, but never those of a later identity. */
  async #publish(
    owner: KeyOwner,
    stored: StoredKeyRing,
    ring: KeyRing,
    published: PublishedKeys | undefined,
    signal: AbortSignal,
  ): Promise<PublishedKeys> {
    if (published !== undefined && published.uid !== owner.uid) await this.trusted.confirm(owner, signal)
    const wanted = { keys: publicKeys(ring), uid: owner.uid, ringVersion: stored.version }
    return this.#options.publicKeys.put(owner, published, wanted, signal)
  }

  #later(
    owner: KeyOwner,
    lookAgainAt: number | undefined,
  ): { readonly restored: Restored | undefined; readonly lookAgainAt: number | undefined } {
    const restored = this.trusted.report(owner)
    if (restored === undefined) return { restored, lookAgainAt }
    return { restored, lookAgainAt: Math.min(restored.until, lookAgainAt ?? Number.POSITIVE_INFINITY) }
  }

  async #add(ring: KeyRing, wanted: WantedKeys, reason: Reason, changes: KeyChange[]): Promise<KeyRing> {
    const { keyID, publicJwk, privateJwk } = await this.#options.generate(wanted.algorithm, ring.subject)
    changes.push({ keyID, change: 'Created', reason })
    const key = { keyID, algorithm: wanted.algorithm, publicJwk, privateJwk }
    return withNewKey(ring, key, wanted, this.#options.clock.now())
  }
}

/** Whether a successor key that the ring records as published is missing in the public keys. */
function hasLostPublication({ slots }: KeyRing, published: PublishedKeys | undefined): boolean {
  const kids = new Set(published?.keys.map(({ kid }) => kid))
  return slots.some(
    ({ keyID, state, publishedAt }) => state === 'Published' && publishedAt !== undefined && !kids.has(keyID),
  )
}

/** Whether the published keys equal those of the ring, in any order. */
function isPublished({ uid }: KeyOwner, ring: KeyRing, published: PublishedKeys): boolean {
  return published.uid === uid && serializeJwks(published.keys) === serializeJwks(publicKeys(ring))
}
