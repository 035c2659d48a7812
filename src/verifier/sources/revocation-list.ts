import { keyIDForm } from '../../keys/public-jwk.ts'
import { isRecord, parseStrictJson } from '../../json.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import { FetchError } from '../http/fetch-error.ts'

/** Revocations by a name that is unique to their meaning. */
export type RevocationsByName = ReadonlyMap<string, Revocation>

interface ReadRevocations {
  readonly list: RevocationsByName
  /** Number of entries of an unknown form, from a later version of Signet; these are not enforced. */
  readonly unknown: number
}

/** Limits texts, in characters. */
const maxLength = 2048

/**
 * Parses the document at `<issuer>/revocations`. Its issuer must be the verifier's or a parent of it: revocations of
 * the cluster apply to the issuer of a namespace too. Throws a FetchError for any other document, and for more than
 * `maxEntries` entries.
 */
export function readRevocations(text: string, issuer: string, maxEntries: number): ReadRevocations {
  const value = parseStrictJson(text)
  if (!isRecord(value) || !Array.isArray(value.revocations)) throw wrong('is not a JSON object with revocations')
  if (value.issuer !== issuer && !isAbove(value.issuer, issuer)) throw wrong('belongs to another issuer')
  const entries: readonly unknown[] = value.revocations
  if (entries.length > maxEntries) throw wrong(`has more than ${maxEntries} entries`)
  const list = new Map<string, Revocation>()
  let unknown = 0
  for (const entry of entries) {
    const revocation = parseRevocation(entry)
    if (revocation === undefined) unknown += 1
    else put(list, nameOf(revocation), revocation)
  }
  return { list, unknown }
}

/**
 * The revocations in force after a new list: the listed ones, and earlier ones until every token they cover has
 * expired. A list that shrinks by mistake, or comes from a replica that lags, never restores a token. Beyond
 * `maxEntries`, the earlier revocations that end soonest are dropped.
 */
export function mergeRevocations(
  listed: RevocationsByName,
  inForce: RevocationsByName,
  { now, maxEntries }: { readonly now: number; readonly maxEntries: number },
): RevocationsByName {
  const gone = [...inForce].filter(([name, { exp }]) => !listed.has(name) && exp * 1000 + clockTolerance > now)
  const room = Math.max(0, maxEntries - listed.size)
  const kept = gone.length <= room ? gone : gone.sort(([, a], [, b]) => b.exp - a.exp).slice(0, room)
  const merged = new Map(kept)
  for (const [name, revocation] of listed) put(merged, name, revocation, inForce.get(name))
  return merged
}

/** Keeps the later end, so that a list that shortens a revocation restores no token. */
function put(list: Map<string, Revocation>, name: string, revocation: Revocation, known = list.get(name)): void {
  list.set(name, known !== undefined && known.exp > revocation.exp ? known : revocation)
}

function isAbove(from: unknown, issuer: string): boolean {
  if (typeof from !== 'string' || !URL.canParse(from) || new URL(from).origin !== new URL(issuer).origin) return false
  return issuer.startsWith(`${from.replace(/\/$/, '')}/`)
}

function parseRevocation(entry: unknown): Revocation | undefined {
  if (!isRecord(entry)) return undefined
  const { sub, jti, kid, issued_before: before, exp } = entry
  if (!isText(sub) || !isTime(exp)) return undefined
  if ([jti, kid, before].filter((one) => one !== undefined).length !== 1) return undefined
  if (isText(jti)) return { sub, jti, exp }
  if (typeof kid === 'string' && keyIDForm.test(kid)) return { sub, kid, exp }
  return isTime(before) ? { sub, issued_before: before, exp } : undefined
}

function nameOf({ sub, jti, kid, issued_before: before }: Revocation): string {
  if (jti !== undefined) return `jti ${sub} ${jti}`
  return kid !== undefined ? `kid ${sub} ${kid}` : `time ${sub} ${String(before)}`
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000
}

function wrong(what: string): FetchError {
  return new FetchError('ERR_FETCH_CONTENT', `the list of revocations ${what}`)
}
