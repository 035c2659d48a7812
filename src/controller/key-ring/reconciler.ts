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
import { KeyRingGuard } from './trusted-rings.ts'
import { KeyRingHeldError, type KeyOwner, type KeyRingOptions, StaleKeyRingError } from './owner.ts'
import type { Restored } from './restores.ts'

/** A step that a key took, for the log, the Event and the metric. */
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
  /** Another hand had deleted or replaced the ring, a short while ago. */
  readonly restored: Restored | undefined
  /** When time alone changes something, in milliseconds since the epoch. */
  readonly lookAgainAt: number | undefined
}

/** More writes than any life cycle step needs; reaching it means that something fights. */
const maxSteps = 6

/**
 * Brings one ring and its public half to where the spec and the clock want them. A ring is always stored before its
 * public half, gets no other key before that is stored too, and nothing may sign before: a crash between the two is
 * mended by the next run, and the published keys are never more than one key behind.
 */
export class KeyRingReconciler {
  readonly guard: KeyRingGuard
  private readonly options: KeyRingOptions

  constructor(options: KeyRingOptions) {
    this.options = options
    this.guard = new KeyRingGuard(options)
  }

  async reconcile(owner: KeyOwner, wanted: WantedKeys, signal: AbortSignal): Promise<KeyOutcome> {
    const { clock } = this.options
    const changes: KeyChange[] = []
    const believed = await this.guard.believedRing(owner, signal).catch(async (error: unknown) => {
      if (error instanceof KeyRingHeldError) await this.withdraw(owner, wanted, signal)
      throw error
    })
    let stored = believed ?? (await this.first(owner, wanted, changes, signal))
    let published = this.options.publicKeys.get(owner)
    for (let steps = 0; steps < maxSteps; steps += 1) {
      const ring = stored.open()
      // A publication that was lost goes on record before it is made again: it counts from then.
      const lost = hasLostPublication(ring, published)
      if (!lost && (published === undefined || !isPublished(owner, ring, published))) {
        // A ring of our own writing has proven to be the latest.
        if (stored === believed || isLater(published?.ringVersion, stored.version)) {
          await this.confirm(owner, stored, signal)
        }
        published = await this.publish(owner, stored, ring, published, signal)
      }
      const input = { ring, wanted, published: published?.keys, now: clock.now() }
      const step = decideRing(input)
      if (step.unchanged) {
        if (stored.outdated) await this.replace(owner, stored, ring, signal)
        return { ring, signing: signingSlot(input), changes, ...this.later(owner, ringNextChangeAt(input)) }
      }
      const next = step.successor === undefined ? step.ring : await this.add(step.ring, wanted, step.successor, changes)
      stored = await this.replace(owner, stored, await sealKeyRing(next, ring), signal)
      changes.push(...step.changes)
    }
    throw new Error(`key ring of ${ownerKey(owner)} does not settle`)
  }

  /** uid of the identity that the ring as last seen belongs to; undefined where there is none that can be read. */
  uidOf(identity: IdentityName): string | undefined {
    try {
      return this.options.rings.get(identity)?.open().uid
    } catch (error) {
      if (error instanceof LockedKeyRingError) return error.ring.uid
      if (error instanceof KeyRingError) return undefined
      throw error
    }
  }

  /**
   * Removes what belongs to no identity any more: its tokens stop verifying. With a uid, only what belonged to that
   * identity: its successor of the same name may be there already.
   */
  async sweep(identity: IdentityName, signal: AbortSignal, uid?: string): Promise<void> {
    const { publicKeys: published, rings } = this.options
    await published.remove(identity, signal, uid)
    await rings.remove(identity, signal, uid)
    this.guard.forget(identity)
  }

  /** What is revoked leaves the public keys also where the ring is held, so that a spoilt ring protects no key. */
  private async withdraw(owner: KeyOwner, { revoked }: WantedKeys, signal: AbortSignal): Promise<void> {
    const published = this.options.publicKeys.get(owner)
    if (published === undefined) return
    const { uid = owner.uid, ringVersion } = published
    const keys = published.keys.filter(({ kid }) => revoked?.has(kid) !== true)
    if (keys.length === published.keys.length) return
    await this.options.publicKeys.put(owner, published, { keys, uid, ringVersion }, signal)
  }

  /** Makes the first ring. */
  private async first(
    owner: KeyOwner,
    wanted: WantedKeys,
    changes: KeyChange[],
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    const { uid, subject } = owner
    const ring = await this.add({ uid, subject, slots: [] }, wanted, Reason.FirstKey, changes)
    return this.guard.create(owner, await sealKeyRing(ring, undefined), signal)
  }

  private async replace(
    owner: KeyOwner,
    previous: StoredKeyRing,
    ring: SealedKeyRing,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    const stored = await this.options.rings.replace(owner, previous, ring, signal)
    this.guard.keep(owner, stored)
    return stored
  }

  /**
   * Before a public half is put back: a watch that lags may show a ring of the past, or an identity whose deletion took
   * it away.
   */
  private async confirm(owner: KeyOwner, stored: StoredKeyRing, signal: AbortSignal): Promise<void> {
    await this.guard.confirm(owner, signal)
    const live = await this.options.rings.fetch(owner, signal)
    if (live?.version === stored.version) return
    const message = `key ring of ${ownerKey(owner)} is another by now`
    throw new StaleKeyRingError('ERR_STALE_KEY_RING', message)
  }

  /** Publishes over what was read, also what an earlier identity had published, but not over what its successor has. */
  private async publish(
    owner: KeyOwner,
    stored: StoredKeyRing,
    ring: KeyRing,
    published: PublishedKeys | undefined,
    signal: AbortSignal,
  ): Promise<PublishedKeys> {
    if (published !== undefined && published.uid !== owner.uid) await this.guard.confirm(owner, signal)
    const wanted = { keys: publicKeys(ring), uid: owner.uid, ringVersion: stored.version }
    return this.options.publicKeys.put(owner, published, wanted, signal)
  }

  private later(
    owner: KeyOwner,
    lookAgainAt: number | undefined,
  ): { readonly restored: Restored | undefined; readonly lookAgainAt: number | undefined } {
    const restored = this.guard.report(owner)
    if (restored === undefined) return { restored, lookAgainAt }
    return { restored, lookAgainAt: Math.min(restored.until, lookAgainAt ?? Number.POSITIVE_INFINITY) }
  }

  private async add(ring: KeyRing, wanted: WantedKeys, reason: Reason, changes: KeyChange[]): Promise<KeyRing> {
    const { keyID, publicJwk, privateJwk } = await this.options.generate(wanted.algorithm, ring.subject)
    changes.push({ keyID, change: 'Created', reason })
    const key = { keyID, algorithm: wanted.algorithm, publicJwk, privateJwk }
    return withNewKey(ring, key, wanted, this.options.clock.now())
  }
}

/** Whether a successor that is on record as published is not. */
function hasLostPublication({ slots }: KeyRing, published: PublishedKeys | undefined): boolean {
  const kids = new Set(published?.keys.map(({ kid }) => kid))
  return slots.some(
    ({ keyID, state, publishedAt }) => state === 'Published' && publishedAt !== undefined && !kids.has(keyID),
  )
}

/** Whether the same keys are published, member by member, in whatever order. */
function isPublished({ uid }: KeyOwner, ring: KeyRing, published: PublishedKeys): boolean {
  return published.uid === uid && serializeJwks(published.keys) === serializeJwks(publicKeys(ring))
}
