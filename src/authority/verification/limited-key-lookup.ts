import type { Clock } from '../../time/clock.ts'
import type { KeyLookup } from '../../keys/key-lookup.ts'
import { TokenBucket } from '../../time/token-bucket.ts'

/** The maximum number of concurrent lookups. */
const maxConcurrent = 16
const lookupsPerSecond = 20

/**
 * Limits concurrency and rate of a lookup, so that tokens with invented keys cannot overload the API server; beyond the
 * limits the answer is `unknown`. Concurrent lookups of one key are not merged: a lookup that began before the key was
 * published proves nothing about a token that the key signed afterwards.
 */
export function limitedKeyLookup(lookup: KeyLookup, clock: Pick<Clock, 'monotonic'>): KeyLookup {
  const bucket = new TokenBucket(
    { perSecond: lookupsPerSecond, burst: 2 * lookupsPerSecond, overdraft: 0 },
    clock.monotonic(),
  )
  let inFlight = 0
  return async (identity, kid) => {
    if (inFlight >= maxConcurrent || bucket.take(1, clock.monotonic()) === 0) return 'unknown'
    inFlight += 1
    try {
      return await lookup(identity, kid)
    } finally {
      inFlight -= 1
    }
  }
}
