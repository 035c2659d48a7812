import { setImmediate as turn } from 'node:timers/promises'
import { issuerPath } from '../../identity/issuer.ts'
import { parseSpiffeId } from '../../identity/spiffe-id.ts'
import type { Revocation } from '../../tokens/revocation.ts'

/** Entries processed per turn of the event loop, about 1 ms of work. */
const batch = 2000

/** Groups revocations by the path of their scope: `/ns/shop` and `/ns/shop/sa/orders`, as in the issuer's URL. */
export async function groupByScope(
  entries: readonly Revocation[],
): Promise<ReadonlyMap<string, readonly Revocation[]>> {
  const scopes = new Map<string, Revocation[]>()
  const add = (scope: string, entry: Revocation): void => {
    const known = scopes.get(scope)
    if (known === undefined) scopes.set(scope, [entry])
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
  return scopes
}

/** Serializes the entries that end after `now`. Returns their texts and the earliest end; all in seconds since the epoch. */
export async function serializeRevocations(
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
