import fc from 'fast-check'
import type { ServiceIdentitySpec } from '../../src/api/v1alpha1/types.ts'
import { DAY, formatDuration, HOUR, MINUTE, parseDuration, SECOND } from '../../src/time/duration.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { type Fault, faults } from './faulty-client.ts'
import { clockError } from './published-sets.ts'

export type ReplicaName = 'A' | 'B'
export const watches = ['identities', 'rings', 'publicKeys', 'secrets'] as const
export const spoils = ['deletes', 'empties', 'scribbles over', 'swaps the tokens in', 'takes the labels from'] as const

/**
 * What can happen, one thing at a time. Times in milliseconds.
 *
 * What the invariants are promised for:
 * - Time that passes while nobody works, up to years: a stop, or a machine that slept.
 * - All clocks set back together, once or again. A token from further ahead than keys are retained is then one of another
 *   time: verifiers refuse it as such, and it is replaced. So is what a process delivers that hung meanwhile.
 * - Clocks that differ by up to `clockError` each. publishAhead is kept to that exactness.
 * - A process that hangs in any call for any time, and then goes on.
 * - A watch that lags, each of the four by itself, by up to 150 s, after which a silent one is replaced.
 * - Another client on the workload Secret, and on the public ConfigMap: for copies fetched while that is away, or not whole
 *   again, nobody answers.
 *
 * What hangs over a deletion in the very call that creates the public ConfigMap has nothing to be compared with: the keys of
 * an identity that is gone come back with it, until the leader's next reconcile sweeps them.
 *
 * What they are not promised for, and is left out here: one clock that jumps by more (a replica whose clock the API
 * server's contradicts decides nothing, which is not of this model), and another client on the key ring's Secret, which
 * the ring's own integrity and restoration answer for.
 */
export type Step =
  | { readonly does: 'wait'; readonly time: number }
  | { readonly does: 'set clocks back'; readonly time: number }
  | { readonly does: 'clock error'; readonly replica: ReplicaName; readonly error: number }
  | { readonly does: 'lead'; readonly replica: ReplicaName; readonly runs: number }
  | { readonly does: 'reconcile'; readonly replica: ReplicaName; readonly fault?: Fault }
  | { readonly does: 'resume'; readonly replica: ReplicaName }
  | { readonly does: 'restart'; readonly replica: ReplicaName }
  | {
      readonly does: 'hear'
      readonly replica: ReplicaName
      readonly watch: (typeof watches)[number]
      readonly most: number
    }
  | { readonly does: 'list anew'; readonly replica: ReplicaName; readonly watch: (typeof watches)[number] }
  | { readonly does: 'change spec'; readonly spec: ServiceIdentitySpec }
  | { readonly does: 'ask for rotation' }
  | { readonly does: 'delete identity' }
  | { readonly does: 'create identity' }
  | { readonly does: 'collect garbage' }
  | { readonly does: 'delete public ConfigMap' }
  | { readonly does: 'spoil Secret'; readonly how: (typeof spoils)[number] }

/** Periods with a publishAhead below them, from the shortest that are allowed. */
const cadences = [
  ['1m', '30s'],
  ['5m', '2m'],
  ['30m', '20m'],
  ['2h', '30s'],
  ['24h', '1h'],
  ['24h', '6h'],
] as const
const lifetimes = ['5m', '20m', '1h', '12h', '24h'] as const

const replica = fc.constantFrom<ReplicaName>('A', 'B')
const watch = fc.constantFrom(...watches)

/** A spec as the API server accepts it: no token lives longer than a hundred periods. */
const spec: fc.Arbitrary<ServiceIdentitySpec> = fc
  .record({
    // The slow ones come up less often.
    algorithm: fc.oneof({ weight: 5, arbitrary: fc.constantFrom('ES256', 'EdDSA') }, fc.constantFrom(...algorithms)),
    cadence: fc.constantFrom(...cadences),
    tokens: fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c'), lifetime: fc.constantFrom(...lifetimes) }),
      { minLength: 1, maxLength: 3, selector: ({ name }) => name },
    ),
  })
  .map(({ algorithm, cadence: [rotationPeriod, publishAhead], tokens }) => {
    const longest = (parseDuration(rotationPeriod) ?? 0) * 100
    return {
      signingKey: { algorithm, rotationPeriod, publishAhead },
      tokens: tokens.map(({ name, lifetime }) => ({
        name,
        lifetime: (parseDuration(lifetime) ?? 0) > longest ? '1h' : lifetime,
      })),
    }
  })

const time = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 120 }).map((amount) => amount * SECOND) },
  { weight: 3, arbitrary: fc.integer({ min: 2, max: 120 }).map((amount) => amount * MINUTE) },
  { weight: 1, arbitrary: fc.integer({ min: 3, max: 72 }).map((amount) => amount * HOUR) },
  { weight: 1, arbitrary: fc.constantFrom(30 * DAY, 365 * DAY) },
)

const fault: fc.Arbitrary<Fault> = fc.record({ call: fc.nat({ max: 5 }), how: fc.constantFrom(...faults) })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('wait' as const), time }) },
  {
    weight: 7,
    arbitrary: fc.record({ does: fc.constant('lead' as const), replica, runs: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 5, arbitrary: fc.record({ does: fc.constant('reconcile' as const), replica }) },
  { weight: 8, arbitrary: fc.record({ does: fc.constant('reconcile' as const), replica, fault }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('resume' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const), replica }) },
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constant('hear' as const), replica, watch, most: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('list anew' as const), replica, watch }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('change spec' as const), spec }) },
  { weight: 2, arbitrary: fc.constant({ does: 'ask for rotation' } as const) },
  { weight: 1, arbitrary: fc.constant({ does: 'delete identity' } as const) },
  { weight: 2, arbitrary: fc.constant({ does: 'create identity' } as const) },
  { weight: 1, arbitrary: fc.constant({ does: 'collect garbage' } as const) },
  { weight: 1, arbitrary: fc.constant({ does: 'delete public ConfigMap' } as const) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('spoil Secret' as const), how: fc.constantFrom(...spoils) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('set clocks back' as const),
      time: fc.constantFrom(30 * SECOND, 10 * MINUTE, HOUR, 365 * DAY),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('clock error' as const),
      replica,
      error: fc.integer({ min: -clockError, max: clockError }),
    }),
  },
)

export const history: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 1, maxLength: 32, size: 'max' })

/** A step for people. */
export function tell(step: Step): string {
  switch (step.does) {
    case 'wait':
      return `wait ${formatDuration(step.time)}`
    case 'set clocks back':
      return `all clocks are set back by ${formatDuration(step.time)}`
    case 'clock error':
      return `the clock of ${step.replica} is off by ${step.error} ms`
    case 'lead':
      return `${step.replica} leads for ${step.runs} runs`
    case 'reconcile':
      return `${step.replica} reconciles${step.fault === undefined ? '' : `, call ${step.fault.call} ${step.fault.how}`}`
    case 'resume':
      return `${step.replica} goes on`
    case 'restart':
      return `${step.replica} is restarted`
    case 'hear':
      return `${step.replica} hears of ${step.most} changes of ${step.watch}`
    case 'list anew':
      return `${step.replica} lists ${step.watch} anew`
    case 'change spec':
      return `the spec becomes ${JSON.stringify(step.spec)}`
    case 'spoil Secret':
      return `another client ${step.how} the Secret`
    case 'ask for rotation':
    case 'create identity':
    case 'delete identity':
    case 'collect garbage':
    case 'delete public ConfigMap':
      return step.does
  }
}
