import { systemClock } from '../../src/time/clock.ts'
import { clusterIssuer } from './account-token.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { memoryRevoking } from '../fakes/revoking.ts'
import { issuingKey, type RunningAuthority, type RunningAuthorityOptions, startAuthority } from './running-authority.ts'
import { StrictClient } from './strict-client.ts'

/** The identity that asks. */
export const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

const well = { pod: true, identity: true, reachable: true, read: true, stores: true }
/** What the authorities know of the world. */
export const world = { ...well }

export function allIsWell(): void {
  Object.assign(world, well)
}

/** One with its usual limits, one that has all it can do, and two that refuse a second request. */
const limits = {
  usual: {},
  overloaded: { underWay: 0 },
  // The clock stands still, and with it what a caller may still ask for.
  strictWithCallers: { callerRate: 0.5, clock: { now: () => systemClock.now(), monotonic: () => 0 } },
  strictWithAddresses: { addressRate: 0.001 },
} as const satisfies Record<string, Partial<RunningAuthorityOptions>>
export type Which = keyof typeof limits

/** A client of each. */
export class LimitedAuthorities {
  readonly #authorities: RunningAuthority[] = []
  readonly #clients = new Map<Which, StrictClient>()

  static async start(): Promise<LimitedAuthorities> {
    const all = new LimitedAuthorities()
    for (const which of Object.keys(limits) as Which[]) {
      const authority = await startAuthority({
        clusterKeys: {
          issuer: clusterIssuer,
          key: (kid) => (kid === keys.RS256.keyID ? keys.RS256.publicJwk : undefined),
          refresh: async () => true,
        },
        objects: {
          areKnown: () => world.pod && world.reachable,
          look: async () => (world.reachable ? 'absent' : 'unknown'),
        },
        identities: { ready: () => true, exists: () => world.identity },
        issuingKeys: { active: () => (world.read ? issuingKey : undefined) },
        revoking: (basis) => memoryRevoking(basis, { hasRead: () => world.read, canStore: () => world.stores }),
        ...limits[which],
      })
      all.#authorities.push(authority)
      all.#clients.set(which, await StrictClient.of(authority, subject))
    }
    return all
  }

  client(which: Which = 'usual'): StrictClient {
    const client = this.#clients.get(which)
    if (client === undefined) throw new Error(`there is no client of ${which}`)
    return client
  }

  async close(): Promise<void> {
    await Promise.all(this.#authorities.map((authority) => authority.close()))
  }
}
