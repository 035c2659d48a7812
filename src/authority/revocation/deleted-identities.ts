import { type Clock, systemClock } from '../../time/clock.ts'
import { HOUR, SECOND } from '../../time/duration.ts'
import { parseIdentityKey } from '../../identity/service-identity.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocable, Revocation } from '../../tokens/revocation.ts'
import type { VerificationKeys } from '../verification/verification-keys.ts'
import type { Revocations } from '../../tokens/revocations.ts'

interface DeletedIdentitiesOptions {
  readonly keys: Pick<VerificationKeys, 'identities' | 'onChange' | 'ready'>
  readonly trustDomain: string
  readonly clock?: Clock
}

interface Departure {
  /** The time of the wall clock, which tokens are dated by. */
  readonly at: number
  /** The time of the monotonic clock, which measures grace and retention: the wall clock may jump. */
  readonly since: number
}

/**
 * How long an identity must be missing before its tokens are listed as revoked, in milliseconds. If only its public keys
 * were deleted, the controller restores them sooner, and its tokens must go on verifying (I1). Introspection does not wait.
 */
const graceMs = 10 * SECOND
/** How much later another replica may observe the deletion and stop signing, in milliseconds. */
const lagMs = 5 * SECOND
/** How long a deleted identity is remembered: issuing keys sign for one hour at most. In milliseconds. */
const rememberedMs = HOUR + lagMs + graceMs

/**
 * Revokes what the issuing keys have signed for deleted identities, whose own keys are gone. Knows only deletions that this
 * replica observes while it runs. After a restart, tokens of identities that were deleted before are refused by
 * introspection, because the identity does not exist, but are no longer listed for verifiers; they expire within the hour.
 */
export class DeletedIdentities implements Revocations {
  readonly #options: Required<DeletedIdentitiesOptions>
  /** Missing identities with their uid. Some may only have lost their public keys for a moment. */
  readonly #absent = new Map<string, Departure & { readonly uid: string | undefined }>()
  /** Deleted identities whose name has been reused by a new uid; these never come back. */
  readonly #succeeded = new Map<string, Departure>()
  readonly #before = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #stop: () => void
  readonly #timer: NodeJS.Timeout
  #present: ReadonlyMap<string, string | undefined>
  #list: readonly Revocation[] = []
  #version = 0

  constructor(options: DeletedIdentitiesOptions) {
    this.#options = { clock: systemClock, ...options }
    const { keys } = options
    this.#present = keys.identities()
    this.#stop = keys.onChange(() => this.#compare())
    this.#timer = setInterval(() => this.tick(), SECOND).unref()
  }

  get version(): number {
    return this.#version
  }

  has({ claims: { sub, iat } }: Revocable): boolean {
    return this.#before.size > 0 && iat < (this.#before.get(sub) ?? 0)
  }

  ready(): boolean {
    return this.#options.keys.ready()
  }

  onChange(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  list(): readonly Revocation[] {
    return this.#list
  }

  /** Called every second: lists identities whose grace has passed, and forgets those whose last token has expired. */
  tick(): void {
    if (this.#absent.size + this.#succeeded.size + this.#list.length === 0) return
    const now = this.#options.clock.monotonic()
    for (const departures of [this.#absent, this.#succeeded]) {
      for (const [key, { since }] of departures) if (now >= since + rememberedMs) departures.delete(key)
    }
    const listed = new Map<string, Revocation>()
    // No lag is added here: the successor of the same name has tokens of its own, which stay valid.
    for (const [key, { at }] of this.#succeeded) listed.set(key, this.#revocation(key, at, Math.floor(at / SECOND)))
    for (const [key, { at, since }] of this.#absent) {
      if (now >= since + graceMs) listed.set(key, this.#revocation(key, at, Math.ceil((at + lagMs) / SECOND)))
    }
    const list = [...listed.values()]
    if (isSame(this.#list, list)) return
    this.#list = list
    this.#before.clear()
    for (const { sub, issued_before: before = 0 } of list) this.#before.set(sub, before)
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }

  close(): void {
    this.#stop()
    clearInterval(this.#timer)
  }

  #revocation(key: string, at: number, issuedBefore: number): Revocation {
    const sub = formatSpiffeId({ trustDomain: this.#options.trustDomain, ...parseIdentityKey(key) })
    return { sub, issued_before: issuedBefore, exp: Math.ceil((at + rememberedMs) / SECOND) }
  }

  #compare(): void {
    const present = this.#options.keys.identities()
    const { clock } = this.#options
    const [at, since] = [clock.now(), clock.monotonic()]
    for (const [key, uid] of this.#present) {
      if (!present.has(key)) this.#absent.set(key, { at, since, uid })
      else if (isAnother(uid, present.get(key))) this.#succeeded.set(key, { at, since })
    }
    for (const [key, { uid, ...departure }] of this.#absent) {
      if (!present.has(key)) continue
      this.#absent.delete(key)
      if (isAnother(uid, present.get(key))) this.#succeeded.set(key, departure)
    }
    this.#present = present
    this.tick()
  }
}

/** An unknown uid counts as the same, so that nothing is revoked by mistake. */
function isAnother(uid: string | undefined, next: string | undefined): boolean {
  return uid !== undefined && next !== undefined && uid !== next
}

function isSame(one: readonly Revocation[], other: readonly Revocation[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ sub, issued_before: before }, index) => {
      const match = other[index]
      return match?.sub === sub && match.issued_before === before
    })
  )
}
