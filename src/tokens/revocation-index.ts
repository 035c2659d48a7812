import type { Revocable, Revocation } from './revocation.ts'

/** How often each thing of one subject has been revoked: one may be revoked twice, and then stays so until both end. */
interface OfSubject {
  readonly tokens: Map<string, number>
  readonly keys: Map<string, number>
  readonly times: Map<number, number>
  /** The latest of `times`; 0 for none. */
  before: number
}

/**
 * A RevocationSet that grows and shrinks one by one, since building one of 100,000 entries for each change would hold up
 * everybody else. Costs one look-up for a subject of which nothing is revoked.
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

  /** Takes back one `add` of an equal revocation. */
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

/** Without spreading, of which an argument list holds only so many. */
function latest(times: ReadonlyMap<number, number>): number {
  let last = 0
  for (const time of times.keys()) last = Math.max(last, time)
  return last
}
