import { setImmediate as turn } from 'node:timers/promises'
import { issuerPath } from '../../identity/issuer.ts'
import { parseSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocation } from '../../tokens/revocation.ts'

/** How many entries are looked at before others get their turn: about a millisecond's worth. */
const batch = 2000

/** Revocations by level: `/ns/shop` and `/ns/shop/sa/orders`, as in the issuer's URL. */
export async function sortByLevel(entries: readonly Revocation[]): Promise<ReadonlyMap<string, readonly Revocation[]>> {
  const levels = new Map<string, Revocation[]>()
  const add = (level: string, entry: Revocation): void => {
    const known = levels.get(level)
    if (known === undefined) levels.set(level, [entry])
    else known.push(entry)
  }
  let count = 0
  for (const entry of entries) {
    if (++count % batch === 0) await turn()
    const identity = parseSpiffeId(entry.sub)
    if (identity === undefined) continue
    add(issuerPath('namespace', identity), entry)
    add(issuerPath('identity', identity), entry)
  }
  return levels
}

/** The text of each that ends after `now` (seconds since the epoch), and when the first of them does. */
export async function writeRevocations(
  entries: readonly Revocation[],
  now: number,
): Promise<{ readonly texts: readonly string[]; readonly until: number }> {
  const texts: string[] = []
  let until = Number.POSITIVE_INFINITY
  let count = 0
  for (const entry of entries) {
    if (++count % batch === 0) await turn()
    const { sub, jti, kid, issued_before, exp } = entry
    if (exp <= now) continue
    until = Math.min(until, exp)
    texts.push(JSON.stringify({ sub, jti, kid, issued_before, exp }))
  }
  return { texts, until }
}
