import { type Clock, systemClock } from '../../time/clock.ts'
import { HOUR, SECOND } from '../../time/duration.ts'
import { parseIdentityKey } from '../../identity/service-identity.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocable, Revocation } from '../../tokens/revocation.ts'
import type { KnownKeys } from '../verification/verification-keys.ts'
import type { Revocations } from '../../tokens/revocations.ts'

interface DeletedIdentitiesOptions {
  readonly keys: Pick<KnownKeys, 'identities' | 'onChange' | 'ready'>
  readonly trustDomain: string
  readonly clock?: Clock
}

interface Departure {
  /** By the wall clock, as tokens are dated. */
  readonly at: number
  /** By the monotonic one: a clock that jumps neither tells of it too soon nor forgets it. */
  readonly since: number
}

/**
 * How long an identity has to be gone before it is told to verifiers: public keys that another hand deletes are back
 * sooner, and with them the identity, whose tokens must go on verifying (I1). Introspection does not wait.
 */
const graceMs = 10 * SECOND
/** Other replicas may see the deletion this much later, and have signed until then. */
const lagMs = 5 * SECOND
/** The authority signs for an hour at most, and until then. */
const rememberedMs = HOUR + lagMs + graceMs

/**
 * A deleted identity revokes what the authority has signed for it, whose keys stay. Seen by this replica while it runs:
 * after a restart, what was signed for an identity that was deleted before is refused by introspection, because the
 * identity is not there, but not listed for verifiers any more, and it expires within the hour.
 */
export class DeletedIdentities implements Revocations {
  readonly #options: Required<DeletedIdentitiesOptions>
  /** Those that are not there, with their uid: some may only have lost their public keys for a moment. */
  readonly #absent = new Map<string, Departure & { readonly uid: string | undefined }>()
  /** Those whose name another identity has taken: whatever becomes of that one, they are gone for good. */
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

  /** Called every second: tells of those that stay away, and forgets those whose last token has expired. */
  tick(): void {
    if (this.#absent.size + this.#succeeded.size + this.#list.length === 0) return
    const now = this.#options.clock.monotonic()
    for (const departures of [this.#absent, this.#succeeded]) {
      for (const [key, { since }] of departures) if (now >= since + rememberedMs) departures.delete(key)
    }
    const told = new Map<string, Revocation>()
    // Whoever has taken the name has had tokens of its own since, and those must not be meant.
    for (const [key, { at }] of this.#succeeded) told.set(key, this.#revocation(key, at, Math.floor(at / SECOND)))
    for (const [key, { at, since }] of this.#absent) {
      if (now >= since + graceMs) told.set(key, this.#revocation(key, at, Math.ceil((at + lagMs) / SECOND)))
    }
    const list = [...told.values()]
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

/** Where one of them is not known, it is taken for the same: nothing is revoked on a guess. */
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
