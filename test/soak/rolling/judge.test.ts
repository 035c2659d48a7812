import { expect, it } from 'vitest'
import { type Phase, phaseFigures, phaseTable, shortfalls } from './judge.ts'

const phase = (fields: Partial<Phase> = {}): Phase => ({
  name: 'two replicas',
  key: 'two',
  latencies: [1, 2, 3, 4],
  failures: {},
  failuresAfterRetry: {},
  processors: { all: 4000, stolen: 0 },
  ...fields,
})
const one = phase({ name: 'one replica' })
const beside = phase({ name: 'one replica, another starts' })
const reset = { 'read ECONNRESET': 2 }

it('finds nothing short where no request failed and others are as fast as one', () => {
  expect(shortfalls({ one, beside, others: [phase()] })).toEqual([])
})

it('finds every reason for which requests failed', () => {
  const two = phase({ failures: { ...reset, '/token answered 503': 1 } })
  expect(shortfalls({ one, beside, others: [two] })).toEqual([
    'two replicas: 2 requests failed: read ECONNRESET',
    'two replicas: 1 requests failed: /token answered 503',
  ])
  expect(shortfalls({ one: { ...one, failures: reset }, beside, others: [] })).toHaveLength(1)
  expect(shortfalls({ one, beside: { ...beside, failures: reset }, others: [] })).toHaveLength(1)
})

it('lets a request fail once where a replica is killed, and not twice', () => {
  const killed = phase({ name: 'killed', failures: reset, mayFailOnce: true })
  expect(shortfalls({ one, beside, others: [killed] })).toEqual([])
  expect(shortfalls({ one, beside, others: [{ ...killed, failuresAfterRetry: reset }] })).toEqual([
    'killed: 2 requests failed after one retry: read ECONNRESET',
  ])
})

it('finds that nothing was asked', () => {
  expect(shortfalls({ one, beside, others: [phase({ latencies: [] })] })).toEqual(['two replicas: nothing was asked'])
})

const of = (most: number, last: number, fields: Partial<Phase> = {}) =>
  phase({ latencies: [1, most, most, last], ...fields })

it('finds what is slower than one replica, at the middle or at the end', () => {
  const alone = { one: of(2, 10, { name: 'one replica' }), beside }
  expect(shortfalls({ ...alone, others: [of(4, 20)] })).toEqual([])
  expect(shortfalls({ ...alone, others: [of(4.1, 20), of(4, 20.1, { name: 'of three' })] })).toEqual([
    'two replicas: p50 is 4.1 ms, 2.0 ms in "one replica"',
    'of three: p99 is 20.1 ms, 10.0 ms in "one replica"',
  ])
})

it('compares phases in which a replica starts with one beside which another does', () => {
  const alone = { one: of(1, 1), beside: of(2, 10, { name: 'one replica, another starts' }) }
  const killed = (most: number, last: number) => of(most, last, { name: 'killed', oneStarts: true })
  expect(shortfalls({ ...alone, others: [killed(4, 20)] })).toEqual([])
  expect(shortfalls({ ...alone, others: [killed(4.1, 20.1)] })).toEqual([
    'killed: p50 is 4.1 ms, 2.0 ms in "one replica, another starts"',
    'killed: p99 is 20.1 ms, 10.0 ms in "one replica, another starts"',
  ])
})

it('says where the machine itself may be the reason', () => {
  const alone = { one: of(2, 10, { name: 'one replica' }), beside }
  const slowOn = (stolen: number) => of(2, 21, { processors: { all: 4000, stolen } })
  expect(shortfalls({ ...alone, others: [slowOn(79), slowOn(800)] })).toEqual([
    'two replicas: p99 is 21.0 ms, 10.0 ms in "one replica"',
    'two replicas: p99 is 21.0 ms, 10.0 ms in "one replica", while the host took up to 20.0 % of the processor time away',
  ])
})

it('has one row for each phase', () => {
  const processors = { all: 4000, stolen: 100 }
  const two = phase({ latencies: [200], failures: reset, failuresAfterRetry: reset, processors })
  const rows = phaseTable([one, two])
  expect(rows).toEqual([
    ['phase', 'requests  failed  after one retry     p50     p99  longest  stolen'],
    ['one replica', '       4       0                0  2.0 ms  4.0 ms   4.0 ms   0.0 %'],
    ['two replicas', '       1       2                2  200 ms  200 ms   200 ms   2.5 %'],
  ])
})

it('adds up requests that failed, of whatever reason', () => {
  expect(phaseFigures(phase({ failures: { ...reset, other: 3 } }))).toMatchObject({
    requests: 4,
    failed: 5,
    failedAfterRetry: 0,
    p50Ms: 2,
    p99Ms: 4,
  })
})
