import type { Phase } from './judge.ts'
import { type Found, pacedLoad, type PacedLoad, type Peer } from './paced-load.ts'

export interface PhaseOptions {
  /** What happens in it. */
  readonly meanwhile?: () => Promise<void>
  /** How often it happens, each time to services that have just connected, and are thus spread over the replicas. */
  readonly times?: number
  readonly mayFailOnce?: boolean
}

/** The same load again and again, with something else happening meanwhile. */
export class Phases {
  readonly all: Phase[] = []
  readonly #load: Omit<PacedLoad, 'peer' | 'meanwhile'>

  constructor(load: Omit<PacedLoad, 'peer' | 'meanwhile'>) {
    this.#load = load
  }

  async run(
    peer: Peer,
    key: string,
    name: string,
    { meanwhile, times = 1, mayFailOnce = false }: PhaseOptions = {},
  ): Promise<Phase> {
    this.#load.log(name)
    const leastSeconds = this.#load.leastSeconds / times
    const found: Found[] = []
    while (found.length < times) found.push(await pacedLoad({ ...this.#load, leastSeconds, peer, meanwhile }))
    const phase = { name, key, mayFailOnce, ...joined(found) }
    this.all.push(phase)
    return phase
  }
}

function joined(found: readonly Found[]): Found {
  return {
    latencies: found.flatMap(({ latencies }) => latencies),
    failures: added(found.map(({ failures }) => failures)),
    failuresAfterRetry: added(found.map(({ failuresAfterRetry }) => failuresAfterRetry)),
  }
}

function added(counts: readonly Found['failures'][]): Found['failures'] {
  const sums: Record<string, number> = {}
  for (const [reason, times] of counts.flatMap((each) => Object.entries(each))) {
    sums[reason] = (sums[reason] ?? 0) + times
  }
  return sums
}
