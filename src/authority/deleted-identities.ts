import { type Clock, systemClock } from '../clock.ts'
import { HOUR, SECOND } from '../duration.ts'
import { parseIdentityKey } from '../identity/service-identity.ts'
import { formatSpiffeId } from '../identity/spiffe-id.ts'
import type { Revocable, Revocation } from '../tokens/revocation.ts'
import type { KnownKeys } from './known-keys.ts'
import type { Revocations } from './revocations.ts'

export interface DeletedIdentitiesOptions {
  readonly keys: Pick<KnownKeys, 'identities' | 'onChange' | 'ready'>
  readonly trustDomain: string
  readonly clock?: Clock
}

interface Departed {
  /** By the wall clock, as tokens are dated. */
  readonly at: number
  /** By the monotonic one: a clock that jumps neither tells of it too soon nor forgets it. */
  readonly since: number
  readonly kids: readonly string[]
  /** Whether an identity of that name is there again, with other keys: another one. */
  succeeded: boolean
}

/**
 * How long an identity has to be gone before it is told to verifiers: public keys that another hand deletes are back
 * sooner, and with them the identity, whose tokens must go on verifying (I1). Introspection does not wait.
 */
const graceMs = 10 * SECOND
/** Other replicas may see the deletion this much later, and have signed until then. */
const lagMs = 5 * SECOND
/** The authority signs for an hour at most. */
const longest = HOUR

/**
 * A deleted identity revokes what the authority has signed for it, whose keys stay. Seen by this replica while it runs:
 * after a restart, what was signed for an identity that was deleted before is refused by introspection, because the
 * identity is not there, but not listed for verifiers any more, and it expires within the hour.
 */
export class DeletedIdentities implements Revocations {
  readonly #options: Required<DeletedIdentitiesOptions>
  readonly #departed = new Map<string, Departed>()
  readonly #before = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #stop: () => void
  readonly #timer: NodeJS.Timeout
  #present: ReadonlyMap<string, readonly string[]>
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
    if (this.#departed.size === 0 && this.#list.length === 0) return
    const { trustDomain, clock } = this.#options
    const now = clock.monotonic()
    const list: Revocation[] = []
    for (const [key, { at, since, succeeded }] of this.#departed) {
      if (now >= since + lagMs + longest + graceMs) this.#departed.delete(key)
      else if (succeeded || now >= since + graceMs) {
        const sub = formatSpiffeId({ trustDomain, ...parseIdentityKey(key) })
        // Whoever has taken the name has had tokens of its own since, and those must not be meant.
        const before = succeeded ? Math.floor(at / SECOND) : Math.ceil((at + lagMs) / SECOND)
        list.push({ sub, issued_before: before, exp: Math.ceil((at + lagMs + longest + graceMs) / SECOND) })
      }
    }
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

  #compare(): void {
    const present = this.#options.keys.identities()
    const { clock } = this.#options
    const [at, since] = [clock.now(), clock.monotonic()]
    for (const [key, kids] of this.#present) {
      if (!present.has(key)) this.#departed.set(key, { at, since, kids, succeeded: false })
    }
    for (const [key, departed] of this.#departed) {
      const kids = present.get(key)
      if (kids === undefined) continue
      if (kids.some((kid) => departed.kids.includes(kid))) this.#departed.delete(key)
      else departed.succeeded = true
    }
    this.#present = present
    this.tick()
  }
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
