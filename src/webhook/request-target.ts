import { LRUCache } from 'lru-cache'
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

/** Parsed URLs: an API server calls the same two for as long as its configuration stands. */
const targets = new LRUCache<string, Target>({ max: 16 })

/** The path, and four fifths of `?timeout=` as budget, so that the answer is in time to be read. */
export function targetOf(url: string): Target {
  const known = targets.get(url)
  if (known !== undefined) return known
  const target = parseTarget(url)
  targets.set(url, target)
  return target
}

function parseTarget(url: string): Target {
  const [pathname = '', query = ''] = url.split('?', 2)
  const timeout = parseDuration(/(?:^|&)timeout=([0-9hms]{1,16})(?:&|$)/.exec(query)?.[1] ?? '') ?? 0
  return { pathname, budget: 0.8 * (timeout > 0 ? Math.min(timeout, longestTimeout) : defaultTimeout) }
}
