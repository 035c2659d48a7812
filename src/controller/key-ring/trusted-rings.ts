import { MINUTE } from '../../time/duration.ts'
import { ownerKey, type RingOwner } from '../../identity/key-owner.ts'
import { keyRingSecretName } from '../../identity/workload.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { PublishedKeys, StoredKeyRing } from '../../keys/key-ring/store.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import { isLater } from '../../kube/client/object.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { type Restored, RingRestores } from '../repair-backoff.ts'
import { judgeRing, type RingVerdict, seenRing } from './decide.ts'
import { RingMemory } from './memory.ts'
import { KeyRingBlockedError, type KeyOwner, type KeyRingOptions, StaleIdentityError } from './owner.ts'

/** Milliseconds until a blocked ring is checked again; a watch wakes the controller earlier if the ring changes. */
const blockedMs = 5 * MINUTE

/** Reads and writes stored key rings. A ring may sign only if it descends from the keys that are trusted already. */
export class TrustedRings {
  readonly #options: KeyRingOptions
  readonly #memory = new RingMemory()
  readonly #restores = new RingRestores()

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /**
   * The ring to use, restored if another client has deleted or replaced it; undefined if the first ring has to be
   * created. Throws KeyRingBlockedError while the user has to act or a restore has to wait, and StaleIdentityError.
   */
  async find(owner: KeyOwner, signal: AbortSignal): Promise<StoredKeyRing | undefined> {
    const { rings, publicKeys } = this.#options
    const last = this.#memory.get(owner)
    let stored = rings.get(owner)
    if (last !== undefined && stored?.version === last.version && last.open().uid === owner.uid) return last
    let verdict = this.#judge(owner, stored, publicKeys.get(owner))
    if (verdict.kind === 'restore' || verdict.kind === 'discard' || verdict.kind === 'block') {
      // Each watch lags by itself, and a Secret without its labels is missing in the watch: the API server decides.
      stored = await rings.fetch(owner, signal)
      verdict = this.#judge(owner, stored, await publicKeys.fetch(owner, signal))
    }
    switch (verdict.kind) {
      case 'create':
        return undefined
      case 'block':
        throw new KeyRingBlockedError(verdict.violation, blockedMs)
      case 'restore':
        return this.#restore(owner, stored, verdict.ring, verdict.violation, signal)
      case 'discard':
        await this.confirm(owner, signal)
        if (stored !== undefined) await rings.discard(owner, stored, signal)
        return undefined
      case 'use':
        if (stored !== undefined) this.keep(owner, stored)
        return stored
    }
  }

  /** Stores the first ring. Throws KeyRingBlockedError if a Secret that is not a key ring has its name. */
  async create(owner: KeyOwner, ring: SealedKeyRing, signal: AbortSignal): Promise<StoredKeyRing> {
    const { rings } = this.#options
    try {
      const stored = await rings.create(owner, ring, signal)
      this.keep(owner, stored)
      return stored
    } catch (error) {
      const conflict = error instanceof KubeError && error.isAlreadyExists
      if (!conflict || (await rings.fetch(owner, signal)) !== undefined) throw error
      const message = `Secret ${keyRingSecretName(owner)} exists and is not a key ring: delete it`
      throw new KeyRingBlockedError({ reason: Reason.KeyRingReplaced, message }, MINUTE)
    }
  }

  /** Remembers a ring that was written, or read and trusted. */
  keep(name: RingOwner, stored: StoredKeyRing): void {
    this.#memory.keep(name, stored)
  }

  forget(name: RingOwner): void {
    this.#memory.forget(name)
    this.#restores.forget(name)
  }

  /** The last restore within ten minutes; `fresh` the first time only. */
  report(owner: KeyOwner): Restored | undefined {
    return this.#restores.report(owner, this.#options.clock.now())
  }

  /**
   * Observes that a ring was changed or deleted, so that a standby replica knows the last good ring once it leads.
   * Restores nothing. A ring that never changes is decoded only when it is needed.
   */
  learn(name: RingOwner, uid: string, previous: StoredKeyRing | undefined, current?: StoredKeyRing): void {
    const consider = (stored: StoredKeyRing): void => {
      const seen = seenRing(stored)
      if (seen.state !== 'whole') return
      const published = this.#options.publicKeys.get(name)
      const lastGood = this.#memory.get(name)?.open()
      // Without a last good ring, only the published keys can prove a ring.
      if (lastGood === undefined && published?.uid !== uid) return
      const owner = { ...name, uid, subject: seen.ring.subject }
      if (judgeRing({ owner, seen, lastGood, published, lossAccepted: false }).kind === 'use') {
        this.keep(name, stored)
      }
    }
    if (this.#memory.get(name) === undefined && previous !== undefined) consider(previous)
    const last = this.#memory.get(name)
    if (current === undefined || last === undefined) return
    // The watch holds this object in memory anyway, so keeping it costs nothing.
    if (current.version === last.version) this.keep(name, current)
    else if (isLater(current.version, last.version)) consider(current)
  }

  /** Throws StaleIdentityError if the identity was deleted or recreated, which a lagging watch does not show yet. */
  async confirm(owner: KeyOwner, signal: AbortSignal): Promise<void> {
    if (await this.#options.stillOwner(owner, signal)) return
    throw new StaleIdentityError('ERR_STALE_IDENTITY', `ServiceIdentity ${ownerKey(owner)} was deleted or recreated`)
  }

  #judge(owner: KeyOwner, stored: StoredKeyRing | undefined, published: PublishedKeys | undefined): RingVerdict {
    const { lossAccepted = () => false } = this.#options
    const last = this.#memory.get(owner)
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

  async #restore(
    owner: KeyOwner,
    stored: StoredKeyRing | undefined,
    ring: SealedKeyRing,
    violation: Violation,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    await this.confirm(owner, signal)
    const now = this.#options.clock.now()
    const delay = this.#restores.delay(owner, now)
    if (delay > 0) {
      const message = `${violation.message} again: find the client that does it; the ring is restored after a pause`
      throw new KeyRingBlockedError({ reason: violation.reason, message }, delay)
    }
    const restored = await this.#write(owner, stored, ring, signal)
    this.#restores.note(owner, violation, now)
    return restored
  }

  async #write(
    owner: KeyOwner,
    stored: StoredKeyRing | undefined,
    ring: SealedKeyRing,
    signal: AbortSignal,
  ): Promise<StoredKeyRing> {
    const { rings } = this.#options
    if (stored === undefined) return this.create(owner, ring, signal)
    try {
      const written = await rings.replace(owner, stored, ring, signal)
      this.keep(owner, written)
      return written
    } catch (error) {
      // A Secret of another type, or an immutable one, cannot be repaired by a replace.
      if (!(error instanceof KubeError && error.isInvalid)) throw error
      await rings.discard(owner, stored, signal)
      return this.create(owner, ring, signal)
    }
  }
}

/** Whether published keys are missing in the ring: a later ring has replaced it. */
function hasOthers(published: PublishedKeys | undefined, ring: SealedKeyRing | undefined): boolean {
  const own = new Set(ring?.slots.map(({ keyID }) => keyID))
  return published?.keys.some(({ kid }) => !own.has(kid)) ?? false
}
