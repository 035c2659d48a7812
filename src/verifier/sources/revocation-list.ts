import { keyIDForm } from '../../keys/public-jwk.ts'
import { isRecord, parseStrictJson } from '../../json.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import { FetchError } from '../http/fetch-error.ts'

/** Revocations under a name that tells each from every other. */
export type RevocationsByName = ReadonlyMap<string, Revocation>

interface ReadRevocations {
  readonly list: RevocationsByName
  /** Entries of a form that this version does not know: what they mean is not revoked here. */
  readonly unknown: number
}

/** Longest texts that are read. */
const maxLength = 2048

/**
 * Reads the document of `<issuer>/revocations`. It has to be by the verifier's issuer or one above it: revocations of
 * the cluster hold for the issuer of a namespace too. Throws a FetchError for anything that is not the document, and
 * for one with more than `maxEntries`.
 */
export function readRevocations(text: string, issuer: string, maxEntries: number): ReadRevocations {
  const value = parseStrictJson(text)
  if (!isRecord(value) || !Array.isArray(value.revocations)) throw wrong('is not a JSON object with revocations')
  if (value.issuer !== issuer && !isAbove(value.issuer, issuer)) throw wrong('is by another issuer')
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
 * What is revoked once a new list has been read: all that it says, and what earlier ones said and it no longer does, as
 * long as a token that is meant may be alive. A list that shrinks by mistake, or by a replica that lags, brings no token
 * back. Where that would be more than `maxEntries`, what was said earlier and ends soonest is let go.
 */
export function mergeRevocations(
  listed: RevocationsByName,
  held: RevocationsByName,
  { now, maxEntries }: { readonly now: number; readonly maxEntries: number },
): RevocationsByName {
  const gone = [...held].filter(([name, { exp }]) => !listed.has(name) && exp * 1000 + clockTolerance > now)
  const room = Math.max(0, maxEntries - listed.size)
  const kept = gone.length <= room ? gone : gone.sort(([, a], [, b]) => b.exp - a.exp).slice(0, room)
  const merged = new Map(kept)
  for (const [name, revocation] of listed) put(merged, name, revocation, held.get(name))
  return merged
}

/** The later end of two counts: one that is moved forward brings nothing back either. */
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
  return new FetchError('ERR_FETCH_CONTENT', `the document of revocations ${what}`)
}
