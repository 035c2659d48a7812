import { parseDuration, SECOND } from '../time/duration.ts'

/** What a request's URL asks for. */
interface Target {
  readonly pathname: string
  /** How long the answer may take, in milliseconds. */
  readonly budget: number
}

/** The API server allows at most 30 s; where it says nothing, 10 s are its default. */
const longestTimeout = 30 * SECOND
const defaultTimeout = 10 * SECOND

/** An API server asks for the same two URLs again and again. */
const known = new Map<string, Target>()
const mostKnown = 16

/** The path, and four fifths of `?timeout=` as budget, so that the answer is in time to be read. */
export function targetOf(url: string): Target {
  const before = known.get(url)
  if (before !== undefined) return before
  const target = parseTarget(url)
  if (known.size >= mostKnown) known.clear()
  known.set(url, target)
  return target
}

function parseTarget(url: string): Target {
  const [pathname = '', query = ''] = url.split('?', 2)
  const timeout = parseDuration(/(?:^|&)timeout=([0-9hms]{1,16})(?:&|$)/.exec(query)?.[1] ?? '') ?? 0
  return { pathname, budget: 0.8 * (timeout > 0 ? Math.min(timeout, longestTimeout) : defaultTimeout) }
}
