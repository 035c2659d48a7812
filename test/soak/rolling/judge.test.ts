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

it('finds nothing short where no request failed and two are as fast as one', () => {
  const two = phase()
  expect(shortfalls([one, two], { one, two, changing: [] })).toEqual([])
})

it('finds every reason for which requests failed', () => {
  const two = phase({ failures: { ...reset, '/token answered 503': 1 } })
  expect(shortfalls([one, two], { one, two, changing: [] })).toEqual([
    'two replicas: 2 requests failed: read ECONNRESET',
    'two replicas: 1 requests failed: /token answered 503',
  ])
})

it('lets a request fail once where a replica is killed, and not twice', () => {
  const killed = phase({ name: 'killed', failures: reset, mayFailOnce: true })
  expect(shortfalls([killed], { one, two: one, changing: [] })).toEqual([])
  expect(shortfalls([{ ...killed, failuresAfterRetry: reset }], { one, two: one, changing: [] })).toEqual([
    'killed: 2 requests failed after one retry: read ECONNRESET',
  ])
})

it('finds that nothing was asked', () => {
  expect(shortfalls([phase({ latencies: [] })], { one, two: one, changing: [] })).toEqual([
    'two replicas: nothing was asked',
  ])
})

it('finds two replicas to be slower than one at the middle or at the end, and others at the middle', () => {
  const of = (most: number, last: number) => phase({ latencies: [1, most, most, last] })
  const [alone, same, slow] = [of(2, 10), of(4, 20), of(4.1, 20.1)]
  expect(shortfalls([], { one: alone, two: same, changing: [same] })).toEqual([])
  expect(shortfalls([], { one: alone, two: slow, changing: [{ ...slow, name: 'both rolled' }] })).toEqual([
    'two replicas: p50 is 4.1 ms, of one replica 2.0 ms',
    'both rolled: p50 is 4.1 ms, of one replica 2.0 ms',
    'two replicas: p99 is 20.1 ms, of one replica 10.0 ms',
  ])
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
