import { LRUCache } from 'lru-cache'
import { parseDuration, SECOND } from '../time/duration.ts'

/** The target of a request. */
interface Target {
  readonly pathname: string
  /** The time for the response, in milliseconds. */
  readonly budget: number
}

/** The timeouts of the API server: at most 30 s, 10 s by default. */
const longestTimeout = 30 * SECOND
const defaultTimeout = 10 * SECOND

/** Parsed URLs: an API server calls the same few. */
const targets = new LRUCache<string, Target>({ max: 16 })

/** Parses path and `?timeout=` of a URL. The budget is 80 % of the timeout, so that the response arrives in time. */
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
