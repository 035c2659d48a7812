import { totalTime } from '../../../bench/stolen-time.ts'
import type { Phase } from './judge.ts'
import { type Found, pacedLoad, type PacedLoad } from './paced-load.ts'

export interface PhaseOptions {
  /** What happens in it: a replica starts, in the place of another or beside it. */
  readonly meanwhile?: () => Promise<void>
  /** How often it happens, each time to services that have just connected, and are thus spread over the replicas. */
  readonly times?: number
  readonly mayFailOnce?: boolean
}

/** The same load again and again, with something else happening meanwhile. */
export class Phases {
  readonly #load: Omit<PacedLoad, 'meanwhile'>
  readonly #path: Pick<Phase, 'name' | 'key'>

  constructor(load: Omit<PacedLoad, 'meanwhile'>, path: Pick<Phase, 'name' | 'key'>) {
    this.#load = load
    this.#path = path
  }

  async run(
    key: string,
    name: string,
    { meanwhile, times = 1, mayFailOnce = false }: PhaseOptions = {},
  ): Promise<Phase> {
    this.#load.log(name)
    const leastSeconds = this.#load.leastSeconds / times
    const found: Found[] = []
    while (found.length < times) found.push(await pacedLoad({ ...this.#load, leastSeconds, meanwhile }))
    return {
      name: `${this.#path.name}: ${name}`,
      key: `${this.#path.key}${key}`,
      mayFailOnce,
      oneStarts: meanwhile !== undefined,
      ...joined(found),
    }
  }
}

function joined(found: readonly Found[]): Found {
  return {
    latencies: found.flatMap(({ latencies }) => latencies),
    failures: added(found.map(({ failures }) => failures)),
    failuresAfterRetry: added(found.map(({ failuresAfterRetry }) => failuresAfterRetry)),
    processors: totalTime(found.map(({ processors }) => processors)),
  }
}

function added(counts: readonly Found['failures'][]): Found['failures'] {
  const sums: Record<string, number> = {}
  for (const [reason, times] of counts.flatMap((each) => Object.entries(each))) {
    sums[reason] = (sums[reason] ?? 0) + times
  }
  return sums
}
