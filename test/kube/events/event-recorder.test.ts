import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SeriesMemory } from '../../../src/kube/events/event-series.ts'
import { EventRecorder } from '../../../src/kube/events/event-recorder.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { createMemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

interface KubeEvent extends KubeObject {
  reason: string
  note: string
  series?: { count: number; lastObservedTime: string }
}

const start = Date.parse('2026-01-01T00:00:00Z')
beforeEach(() => void vi.useFakeTimers({ now: start }))
afterEach(() => void vi.useRealTimers())

const regarding = (name = 'orders'): KubeObject => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: '7' },
})
const details = (more: object = {}) => ({
  regarding: regarding(),
  type: 'Normal' as const,
  reason: 'KeyRotated',
  action: 'Rotate',
  note: 'key k2 signs now',
  ...more,
})

function recording() {
  const client = createMemoryKubeClient()
  const recorder = new EventRecorder({
    client,
    reportingController: 'signet.dev/controller',
    reportingInstance: 'pod-1',
  })
  const events = () => client.storage.list('events') as KubeEvent[]
  return { client, recorder, events }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('an event recorder', () => {
  it('writes an Event about the object, in its namespace', async () => {
    const { recorder, events } = recording()
    recorder.record(details())
    await recorder.flush()
    expect(events()).toHaveLength(1)
    expect(events()[0]).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'shop' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'signet.dev/controller',
      reportingInstance: 'pod-1',
      type: 'Normal',
      reason: 'KeyRotated',
      action: 'Rotate',
      note: 'key k2 signs now',
      regarding: {
        apiVersion: 'signet.dev/v1alpha1',
        kind: 'ServiceIdentity',
        namespace: 'shop',
        name: 'orders',
        uid: 'uid-orders',
        resourceVersion: '7',
      },
    })
    expect(events()[0]).not.toHaveProperty('series')
  })

  it('puts Events about objects without a namespace into default, and keeps notes short', async () => {
    const { recorder, events } = recording()
    recorder.record(
      details({ regarding: { kind: 'Namespace', metadata: { name: 'n'.repeat(250) } }, note: 'x'.repeat(5_000) }),
    )
    await recorder.flush()
    expect(events()[0]?.metadata.namespace).toBe('default')
    expect(events()[0]?.metadata.name.length).toBeLessThanOrEqual(253)
    expect(events()[0]?.note).toHaveLength(1_024)
  })

  it('counts what repeats within ten minutes in one series, sent every ten seconds at most', async () => {
    const { client, recorder, events } = recording()
    for (let index = 0; index < 100; index++) recorder.record(details())
    await pass(100)
    expect(client.writes).toHaveLength(1)
    await pass(10_000)
    expect(client.writes).toHaveLength(2)
    expect(events()).toHaveLength(1)
    expect(events()[0]?.series).toEqual({ count: 100, lastObservedTime: '2026-01-01T00:00:00.000000Z' })
  })

  it('starts a new Event after ten quiet minutes, for another reason and for another object', async () => {
    const { recorder, events } = recording()
    recorder.record(details())
    recorder.record(details({ reason: 'TokensRenewed' }))
    recorder.record(details({ regarding: regarding('payments') }))
    await pass(600_001)
    recorder.record(details())
    await recorder.flush()
    expect(events().map(({ reason, series }) => [reason, series])).toHaveLength(4)
  })

  it('writes an Event anew whose time is over while its series goes on', async () => {
    const { client, recorder, events } = recording()
    recorder.record(details())
    await recorder.flush()
    client.storage.delete('events', events()[0]!.metadata)
    recorder.record(details())
    await recorder.flush()
    expect(events()).toHaveLength(1)
    expect(events()[0]?.series?.count).toBe(2)
  })

  it('never throws, and goes on with the next after a failure', async () => {
    const { client, recorder, events } = recording()
    client.failOnce('create', resources.events, { status: 403, reason: 'Forbidden' })
    recorder.record(details())
    recorder.record(details({ reason: 'Other' }))
    await expect(recorder.flush()).resolves.toBeUndefined()
    expect(events().map(({ reason }) => reason)).toEqual(['Other'])
  })

  it('holds a thousand at most', async () => {
    const { client, recorder } = recording()
    vi.spyOn(client, 'create').mockImplementation(() => new Promise(() => undefined))
    for (let index = 0; index < 1_500; index++) recorder.record(details({ regarding: regarding(`i${index}`) }))
    await pass(0)
    // One is on its way, a thousand wait.
    expect(recorder.dropped).toBeGreaterThanOrEqual(499)
  })

  it('stops flushing when the signal is aborted', async () => {
    const { client, recorder } = recording()
    vi.spyOn(client, 'create').mockImplementation(() => new Promise(() => undefined))
    recorder.record(details())
    const stop = new AbortController()
    const flushing = recorder.flush(stop.signal)
    stop.abort()
    await expect(flushing).resolves.toBeUndefined()
  })
})

describe('the memory of series', () => {
  it('keeps of the object what names it, and nothing of its size', () => {
    const { apiVersion, kind, metadata } = regarding()
    const whole = { apiVersion, kind, metadata: { ...metadata, annotations: { big: 'x' } }, spec: { big: 'x' } }
    const series = new SeriesMemory().note(details({ regarding: whole }), start)
    expect(series.details).toStrictEqual(details({ regarding: regarding() }))
  })
})
