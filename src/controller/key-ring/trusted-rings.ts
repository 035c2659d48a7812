import { MINUTE } from '../../time/duration.ts'
import { ownerKey, type RingOwner } from '../../identity/key-owner.ts'
import { keyRingSecretName } from '../../identity/workload.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { PublishedKeys, StoredKeyRing } from '../../keys/key-ring/store.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import { isLater } from '../../kube/client/object.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { judgeRing, type RingVerdict, seenRing } from './decide.ts'
import { RingMemory } from './memory.ts'
import { KeyRingHeldError, type KeyOwner, StaleIdentityError } from './owner.ts'
import type { KeyRingOptions } from './owner.ts'
import { type Restored, Restores } from './restores.ts'

/** The watches tell when what is held was mended; milliseconds after which it is looked at in any case. */
const heldMs = 5 * MINUTE

/** Stands between what is stored as a ring and whoever signs with it: what another hand put there is not believed. */
export class KeyRingGuard {
  private readonly options: KeyRingOptions
  private readonly memory = new RingMemory()
  private readonly restores = new Restores()

  constructor(options: KeyRingOptions) {
    this.options = options
  }

  /**
   * The ring that may be gone on with, restored if need be; undefined where the first one is to be made. Throws
   * KeyRingHeldError where nothing may be done, and StaleIdentityError.
   */
  async believedRing(owner: KeyOwner, signal: AbortSignal): Promise<StoredKeyRing | undefined> {
    const { rings, publicKeys } = this.options
    const last = this.memory.get(owner)
    let stored = rings.get(owner)
    if (last !== undefined && stored?.version === last.version && last.open().uid === owner.uid) return last
    let verdict = this.judge(owner, stored, publicKeys.get(owner))
    if (verdict.kind === 'restore' || verdict.kind === 'discard' || verdict.kind === 'hold') {
      // Watches lag, each by itself, and show nothing whose labels somebody took: what is there decides.
      stored = await rings.fetch(owner, signal)
      verdict = this.judge(owner, stored, await publicKeys.fetch(owner, signal))
    }
    switch (verdict.kind) {
      case 'create':
        return undefined
      case 'hold':
        throw new KeyRingHeldError(verdict.violation, heldMs)
      case 'restore':
        return this.restore(owner, stored, verdict.ring, verdict.violation, signal)
      case 'discard':
        await this.confirm(owner, signal)
        if (stored !== undefined) await rings.discard(owner, stored, signal)
        return undefined
      case 'use':
        if (stored !== undefined) this.keep(owner, stored)
        return stored
    }
  }

  async create(owner: KeyOwner, ring: SealedKeyRing, signal: AbortSignal): Promise<StoredKeyRing> {
    const { rings } = this.options
    try {
      const stored = await rings.create(owner, ring, signal)
      this.keep(owner, stored)
      return stored
    } catch (error) {
      const taken = error instanceof KubeError && error.isAlreadyExists
      if (!taken || (await rings.fetch(owner, signal)) !== undefined) throw error
      const message = `Secret ${keyRingSecretName(owner)} exists and is not a key ring: delete it`
      throw new KeyRingHeldError({ reason: Reason.KeyRingReplaced, message }, MINUTE)
    }
  }

  /** Remembers what has been written. */
  keep(name: RingOwner, stored: StoredKeyRing): void {
    this.memory.keep(name, stored)
  }

  forget(name: RingOwner): void {
    this.memory.forget(name)
    this.restores.forget(name)
  }

  /** The last restore while it is worth a word; fresh once. */
  report(owner: KeyOwner): Restored | undefined {
    return this.restores.report(owner, this.options.clock.now())
  }

  /**
   * Learns from the watch of rings that one was changed or deleted, so that a replica that stands by knows the last good
   * ring when it comes to lead. Restores nothing. What was never changed is looked into only when it is needed.
   */
  learn(name: RingOwner, uid: string, previous: StoredKeyRing | undefined, current?: StoredKeyRing): void {
    const consider = (stored: StoredKeyRing): void => {
      const seen = seenRing(stored)
      if (seen.state !== 'whole') return
      const published = this.options.publicKeys.get(name)
      const lastGood = this.memory.get(name)?.open()
      // Without a last good ring, only what is published shows which one is.
      if (lastGood === undefined && published?.uid !== uid) return
      const owner = { ...name, uid, subject: seen.ring.subject }
      if (judgeRing({ owner, seen, lastGood, published, lossAccepted: false }).kind === 'use') {
        this.keep(name, stored)
      }
    }
    if (this.memory.get(name) === undefined && previous !== undefined) consider(previous)
    const last = this.memory.get(name)
    if (current === undefined || last === undefined) return
    // What the watch brings is in memory anyway.
    if (current.version === last.version) this.keep(name, current)
    else if (isLater(current.version, last.version)) consider(current)
  }

  /** Asks the API server whether the identity is still this one: a watch that lags may show one that is gone. */
  async confirm(owner: KeyOwner, signal: AbortSignal): Promise<void> {
    if (await this.options.stillOwner(owner, signal)) return
    throw new StaleIdentityError('ERR_STALE_IDENTITY', `identity ${ownerKey(owner)} is another by now`)
  }

  private judge(owner: KeyOwner, stored: StoredKeyRing | undefined, published: PublishedKeys | undefined): RingVerdict {
    const { lossAccepted = () => false } = this.options
    const last = this.memory.get(owner)
    const lastGood = last?.open()
    const outrun = last !== undefined && isLater(published?.ringVersion, last.version)
    return judgeRing({
      owner,
      seen: seenRing(stored),
      lastGood: outrun && hasOthers(published, lastGood) ? undefined : lastGood,
      published,
      lossAccepted: lossAccepted(owner, published?.keys ?? []),
    })
  }

  private async restore(
    owner: KeyOwner,
    stored: StoredKeyRing | undefined,
    ring: SealedKeyRing,
    violation: Violation,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    await this.confirm(owner, signal)
    const now = this.options.clock.now()
    const delay = this.restores.delay(owner, now)
    if (delay > 0) {
      const message = `${violation.message} again: find out by whom; it is restored in a while`
      throw new KeyRingHeldError({ reason: violation.reason, message }, delay)
    }
    const restored = await this.write(owner, stored, ring, signal)
    this.restores.note(owner, violation, now)
    return restored
  }

  private async write(
    owner: KeyOwner,
    stored: StoredKeyRing | undefined,
    ring: SealedKeyRing,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    const { rings } = this.options
    if (stored === undefined) return this.create(owner, ring, signal)
    try {
      const written = await rings.replace(owner, stored, ring, signal)
      this.keep(owner, written)
      return written
    } catch (error) {
      // A Secret of another type, or one that was made immutable, cannot be put right.
      if (!(error instanceof KubeError && error.isInvalid)) throw error
      await rings.discard(owner, stored, signal)
      return this.create(owner, ring, signal)
    }
  }
}

/** Whether keys are published that the ring does not have: it has been left behind by a later one. */
function hasOthers(published: PublishedKeys | undefined, ring: SealedKeyRing | undefined): boolean {
  const own = new Set(ring?.slots.map(({ keyID }) => keyID))
  return published?.keys.some(({ kid }) => !own.has(kid)) ?? false
}
