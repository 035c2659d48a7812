import { describe, expect, it } from 'vitest'
import { type CallClass, callClassOf, PriorityGate } from '../../../src/kube/client/priority-gate.ts'
import { resources } from '../../../src/kube/client/resource.ts'

/** A gate for one call at a time, and a record of who came in. */
async function occupied() {
  const gate = new PriorityGate(1)
  const entered: string[] = []
  const leaves: (() => void)[] = []
  const signal = new AbortController().signal
  const enter = (name: string, callClass: CallClass, own: AbortSignal = signal) =>
    gate.enter(callClass, own).then((leave) => {
      entered.push(name)
      leaves.push(leave)
    })
  await enter('first', 'event')
  const leave = async () => {
    leaves.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { gate, entered, enter, leave }
}

describe('the gate in front of the API server', () => {
  it('lets keys and tokens pass before statuses, and those before Events, each in the order they came', async () => {
    const { gate, entered, enter, leave } = await occupied()
    for (const [name, callClass] of [
      ['event', 'event'],
      ['status 1', 'status'],
      ['secret 1', 'keys'],
      ['status 2', 'status'],
      ['secret 2', 'keys'],
    ] as const)
      void enter(name, callClass)
    expect(gate).toMatchObject({ inFlight: 1, waiting: 5 })
    for (let turn = 0; turn < 5; turn++) await leave()
    expect(entered).toEqual(['first', 'secret 1', 'secret 2', 'status 1', 'status 2', 'event'])
    await leave()
    expect(gate).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  it('starves none: one in eight is taken from behind', async () => {
    const { entered, enter, leave } = await occupied()
    void enter('event', 'event')
    for (let index = 0; index < 20; index++) void enter(`secret ${index}`, 'keys')
    for (let turn = 0; turn < 8; turn++) await leave()
    expect(entered.indexOf('event')).toBe(8)
  })

  it('lets so many through at a time, and no more for a place that is given back twice', async () => {
    const gate = new PriorityGate(2)
    const { signal } = new AbortController()
    const leave = await gate.enter('keys', signal)
    await gate.enter('keys', signal)
    const third = gate.enter('keys', signal)
    const fourth = gate.enter('keys', signal)
    leave()
    leave()
    await third
    expect(gate).toMatchObject({ inFlight: 2, waiting: 1 })
    void fourth
  })

  it('forgets who gives up waiting, with the reason of the abort', async () => {
    const { gate, entered, enter, leave } = await occupied()
    const stop = new AbortController()
    const given = expect(enter('gone', 'keys', stop.signal)).rejects.toThrow('enough')
    void enter('next', 'event')
    stop.abort(new Error('enough'))
    await given
    expect(gate.waiting).toBe(1)
    await leave()
    expect(entered).toEqual(['first', 'next'])
    await expect(gate.enter('keys', stop.signal)).rejects.toThrow('enough')
  })
})

describe('the class of a call', () => {
  it.each([
    ['create', 'secrets', 'keys'],
    ['update', 'configMaps', 'keys'],
    ['patch', 'pods', 'keys'],
    ['get', 'serviceIdentities', 'keys'],
    ['list', 'serviceIdentities', 'keys'],
    ['apply', 'serviceIdentities', 'status'],
    ['create', 'events', 'event'],
    ['patch', 'events', 'event'],
  ] as const)('of %s %s is %s', (verb, resource, callClass) => {
    expect(callClassOf({ verb, resource: resources[resource] })).toBe(callClass)
  })
})
