import { expect, it } from 'vitest'
import { type Phase, phaseFigures, phaseTable, shortfalls } from './judge.ts'

const phase = (fields: Partial<Phase> = {}): Phase => ({
  name: 'two replicas',
  key: 'two',
  latencies: [1, 2, 3, 4],
  failures: {},
  failuresAfterRetry: {},
  ...fields,
})
const one = phase({ name: 'one replica' })
const reset = { 'read ECONNRESET': 2 }

it('finds nothing short where no request failed and others are as fast as one', () => {
  expect(shortfalls({ one, others: [phase()] })).toEqual([])
})

it('finds every reason for which requests failed', () => {
  const two = phase({ failures: { ...reset, '/token answered 503': 1 } })
  expect(shortfalls({ one, others: [two] })).toEqual([
    'two replicas: 2 requests failed: read ECONNRESET',
    'two replicas: 1 requests failed: /token answered 503',
  ])
  expect(shortfalls({ one: { ...one, failures: reset }, others: [] })).toHaveLength(1)
})

it('lets a request fail once where a replica is killed, and not twice', () => {
  const killed = phase({ name: 'killed', failures: reset, mayFailOnce: true })
  expect(shortfalls({ one, others: [killed] })).toEqual([])
  expect(shortfalls({ one, others: [{ ...killed, failuresAfterRetry: reset }] })).toEqual([
    'killed: 2 requests failed after one retry: read ECONNRESET',
  ])
})

it('finds that nothing was asked', () => {
  expect(shortfalls({ one, others: [phase({ latencies: [] })] })).toEqual(['two replicas: nothing was asked'])
})

it('finds what is slower than one replica, at the middle or at the end', () => {
  const of = (most: number, last: number) => phase({ latencies: [1, most, most, last] })
  const alone = of(2, 10)
  expect(shortfalls({ one: alone, others: [of(4, 20)] })).toEqual([])
  expect(shortfalls({ one: alone, others: [of(4.1, 20), { ...of(4, 20.1), name: 'both rolled' }] })).toEqual([
    'two replicas: p50 is 4.1 ms, of one replica 2.0 ms',
    'both rolled: p99 is 20.1 ms, of one replica 10.0 ms',
  ])
})

it('judges the middle alone while a replica starts', () => {
  const of = (most: number, last: number) => phase({ latencies: [1, most, most, last], oneStarts: true })
  expect(shortfalls({ one: of(2, 10), others: [of(4, 1000)] })).toEqual([])
  expect(shortfalls({ one: of(2, 10), others: [of(4.1, 10)] })).toHaveLength(1)
})

it('has one row for each phase', () => {
  const rows = phaseTable([one, phase({ latencies: [200], failures: reset, failuresAfterRetry: reset })])
  expect(rows).toEqual([
    ['phase', 'requests  failed  after one retry     p50     p99  longest'],
    ['one replica', '       4       0                0  2.0 ms  4.0 ms   4.0 ms'],
    ['two replicas', '       1       2                2  200 ms  200 ms   200 ms'],
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
