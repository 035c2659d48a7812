import fc from 'fast-check'
import { DAY, formatDuration, HOUR, MINUTE, SECOND } from '../../src/time/duration.ts'
import { type Fault, faults } from './faulty-client.ts'
import { clockError } from './published-sets.ts'

export type Who = 'A' | 'B'
const watches = ['rings', 'publicKeys'] as const

/**
 * What can happen to the issuing keys: to two controllers, A and B, of which both may believe to lead, and to one
 * replica of the authority, whose two watches may be silent for any time. Times in milliseconds.
 */
export type AuthorityStep =
  | { readonly does: 'wait'; readonly time: number }
  | { readonly does: 'clock error'; readonly who: Who | 'authority'; readonly error: number }
  | { readonly does: 'lead'; readonly who: Who; readonly runs: number }
  | { readonly does: 'reconcile'; readonly who: Who; readonly fault?: Fault }
  | { readonly does: 'resume'; readonly who: Who }
  | { readonly does: 'restart'; readonly who: Who | 'authority' }
  | { readonly does: 'hear'; readonly who: Who | 'authority'; readonly watch: (typeof watches)[number] }
  /** `informed`: both watches have observed everything before. */
  | { readonly does: 'issue'; readonly informed: boolean }
  | { readonly does: 'ask for rotation' }
  | { readonly does: 'revoke'; readonly which: number }
  | { readonly does: 'delete public ConfigMap' }

const controller = fc.constantFrom<Who>('A', 'B')
const anyone = fc.constantFrom<Who | 'authority'>('A', 'B', 'authority')
const time = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 120 }).map((amount) => amount * SECOND) },
  { weight: 5, arbitrary: fc.integer({ min: 2, max: 150 }).map((amount) => amount * MINUTE) },
  { weight: 2, arbitrary: fc.integer({ min: 3, max: 26 }).map((amount) => amount * HOUR) },
  { weight: 1, arbitrary: fc.constantFrom(30 * DAY, 365 * DAY) },
)
const fault: fc.Arbitrary<Fault> = fc.record({ call: fc.nat({ max: 4 }), how: fc.constantFrom(...faults) })
const does = <const Does extends string>(name: Does) => fc.constant(name)

const step: fc.Arbitrary<AuthorityStep> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: does('wait'), time }) },
  {
    weight: 6,
    arbitrary: fc.record({ does: does('lead'), who: controller, runs: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ does: does('reconcile'), who: controller }) },
  { weight: 5, arbitrary: fc.record({ does: does('reconcile'), who: controller, fault }) },
  { weight: 2, arbitrary: fc.record({ does: does('resume'), who: controller }) },
  { weight: 1, arbitrary: fc.record({ does: does('restart'), who: anyone }) },
  { weight: 6, arbitrary: fc.record({ does: does('hear'), who: anyone, watch: fc.constantFrom(...watches) }) },
  { weight: 8, arbitrary: fc.record({ does: does('issue'), informed: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ does: does('ask for rotation') }) },
  { weight: 1, arbitrary: fc.record({ does: does('revoke'), which: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ does: does('delete public ConfigMap') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: does('clock error'),
      who: anyone,
      error: fc.integer({ min: -clockError, max: clockError }),
    }),
  },
)

export const authorityHistory: fc.Arbitrary<AuthorityStep[]> = fc.array(step, {
  minLength: 1,
  maxLength: 40,
  size: 'max',
})

/** A step for people. */
export function tellStep(step: AuthorityStep): string {
  const who = 'who' in step ? `${step.who}: ` : ''
  if (step.does === 'wait') return `wait ${formatDuration(step.time)}`
  const { does: _does, who: _who, ...rest } = { who: undefined, ...step }
  return `${who}${step.does} ${JSON.stringify(rest)}`
}
