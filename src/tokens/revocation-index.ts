import type { Revocable, Revocation } from './revocation.ts'

/** Counts the revocations of a subject. A token revoked twice stays revoked until both revocations have ended. */
interface OfSubject {
  readonly tokens: Map<string, number>
  readonly keys: Map<string, number>
  readonly times: Map<number, number>
  /** The latest of `times`; 0 for none. */
  before: number
}

/**
 * A RevocationSet that changes entry by entry: rebuilding a set of 100,000 entries for each change would block the
 * event loop. A subject without revocations costs one lookup.
 */
export class RevocationIndex {
  readonly #subjects = new Map<string, OfSubject>()

  has({ keyID, claims: { sub, jti, iat } }: Revocable): boolean {
    const found = this.#subjects.get(sub)
    return found !== undefined && (iat < found.before || found.tokens.has(jti) || found.keys.has(keyID))
  }

  add({ sub, jti, kid, issued_before: before }: Revocation): void {
    let found = this.#subjects.get(sub)
    if (found === undefined) {
      found = { tokens: new Map(), keys: new Map(), times: new Map(), before: 0 }
      this.#subjects.set(sub, found)
    }
    if (jti !== undefined) count(found.tokens, jti, 1)
    else if (kid !== undefined) count(found.keys, kid, 1)
    else if (before !== undefined) {
      count(found.times, before, 1)
      found.before = Math.max(found.before, before)
    }
  }

  /** Reverts one `add` of an equal revocation. */
  remove({ sub, jti, kid, issued_before: before }: Revocation): void {
    const found = this.#subjects.get(sub)
    if (found === undefined) return
    if (jti !== undefined) count(found.tokens, jti, -1)
    else if (kid !== undefined) count(found.keys, kid, -1)
    else if (before !== undefined) {
      count(found.times, before, -1)
      if (before === found.before && !found.times.has(before)) found.before = latest(found.times)
    }
    if (found.tokens.size + found.keys.size + found.times.size === 0) this.#subjects.delete(sub)
  }
}

function count<T>(counts: Map<T, number>, thing: T, change: 1 | -1): void {
  const next = (counts.get(thing) ?? 0) + change
  if (next > 0) counts.set(thing, next)
  else counts.delete(thing)
}

/** Not `Math.max(...times)`, whose number of arguments is limited. */
function latest(times: ReadonlyMap<number, number>): number {
  let last = 0
  for (const time of times.keys()) last = Math.max(last, time)
  return last
}
