import type { Clock } from '../../time/clock.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { RateLimit } from '../oauth/rate-limit.ts'

/** Whether a key is published: `present` where it is on its way here, `unknown` where that could not be found out. */
export type KeyPresence = 'present' | 'absent' | 'unknown'

/** Looks where keys are published, at the very moment, for one that may sign for this identity. Never rejects. */
export type LookForKey = (identity: IdentityName, kid: string) => Promise<KeyPresence>

/** Most looks at a time. */
const mostLooks = 16
/** Most looks a second. */
const perSecond = 20

/**
 * The same within limits: whoever makes up tokens of keys that do not exist costs the API server no more than this, and
 * is answered `unknown` beyond it. Looks are not shared, since one that began before a key was published says nothing of
 * a token that the key has signed since.
 */
export function limitedLookup(look: LookForKey, clock: Pick<Clock, 'monotonic'>): LookForKey {
  const rate = new RateLimit({ perSecond })
  let underWay = 0
  return async (identity, kid) => {
    if (underWay >= mostLooks || rate.take('', clock.monotonic()) > 0) return 'unknown'
    underWay += 1
    try {
      return await look(identity, kid)
    } finally {
      underWay -= 1
    }
  }
}
