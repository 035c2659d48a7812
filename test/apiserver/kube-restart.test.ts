import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { EventRecorder } from '../../src/kube/events/event-recorder.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { LeaderElector } from '../../src/kube/leader-election/leader-elector.ts'
import type { Lease } from '../../src/kube/leader-election/lease-record.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { eventually } from '../builders/eventually.ts'

const namespace = 'default'
let plane: ControlPlane
let client: HttpKubeClient

beforeAll(async () => {
  plane = await startControlPlane()
  client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
})
afterAll(async () => {
  await client.close()
  await plane.stop()
})

const configMap = (name: string, labels = {}): KubeObject => ({ metadata: { namespace, name, labels } })

describe('against a real API server', () => {
  it('a reflector survives its restart and finds what was deleted and made meanwhile', async () => {
    const labels = { watched: 'yes' }
    for (const name of ['kept', 'deleted']) await client.create(resources.configMaps, configMap(name, labels))
    const reflector = new Reflector({ client, resource: resources.configMaps, namespace, labelSelector: 'watched=yes' })
    const stop = new AbortController()
    const running = reflector.run(stop.signal)
    await reflector.synced()
    const names = () =>
      reflector.store
        .list()
        .map(({ metadata }) => metadata.name)
        .sort()
    expect(names()).toEqual(['deleted', 'kept'])

    await plane.restartApiServer({ downMs: 500 })
    await client.delete(resources.configMaps, { namespace, name: 'deleted' })
    await client.create(resources.configMaps, configMap('made', labels))
    await eventually(() => expect(names()).toEqual(['kept', 'made']), 60_000, 100)
    expect(reflector.stats.failures).toBeGreaterThan(0)
    expect(reflector.store.list().every(({ metadata }) => !('managedFields' in metadata))).toBe(true)
    stop.abort()
    await running
    await eventually(() => expect(client.stats.watches).toBe(0))
  })

  it('an object made anew under its name is observed as deleted and added', async () => {
    const created = await client.create(resources.configMaps, configMap('again', { again: 'yes' }))
    const reflector = new Reflector({
      client,
      resource: resources.configMaps,
      namespace,
      labelSelector: 'again=yes',
      metadataOnly: true,
    })
    const events: string[] = []
    reflector.onEvent(({ type, object }) => events.push(`${type} ${object.metadata.uid ?? ''}`))
    const stop = new AbortController()
    const running = reflector.run(stop.signal)
    await reflector.synced()
    await client.delete(resources.configMaps, created.metadata)
    const next = await client.create(resources.configMaps, configMap('again', { again: 'yes' }))
    const [before, after] = [created.metadata.uid, next.metadata.uid]
    await eventually(() => expect(events).toEqual([`added ${before}`, `deleted ${before}`, `added ${after}`]))
    expect(reflector.store.list()[0]).toMatchObject({ kind: 'PartialObjectMetadata' })
    stop.abort()
    await running
  })

  it('an elector renews, outlives a short restart, releases, and the next one follows at once', async () => {
    const elector = (identity: string) => {
      const stop = new AbortController()
      const one = new LeaderElector({
        client,
        namespace,
        name: 'election',
        identity,
        // An API server takes its time to come up, and more of it where the machine is slow: that is short here.
        leaseDuration: 120_000,
        renewDeadline: 90_000,
        onStartedLeading: () => undefined,
      })
      return { one, stop, running: one.run(stop.signal) }
    }
    const first = elector('first')
    await eventually(() => expect(first.one.isLeader).toBe(true))
    const second = elector('second')
    await plane.restartApiServer({ downMs: 200 })
    await eventually(
      async () => {
        const lease = await client.get<Lease>(resources.leases, { namespace, name: 'election' })
        expect(Date.now() - Date.parse(lease?.spec?.renewTime ?? '')).toBeLessThan(2_500)
      },
      60_000,
      100,
    )
    expect([first.one.isLeader, second.one.isLeader]).toEqual([true, false])
    first.stop.abort()
    await first.running
    // At once, and not after the two minutes that were promised.
    await eventually(() => expect(second.one.isLeader).toBe(true), 30_000)
    second.stop.abort()
    await second.running
    const lease = await client.get<Lease>(resources.leases, { namespace, name: 'election' })
    expect(lease?.spec).toMatchObject({ holderIdentity: '', leaseTransitions: 1 })
  })

  it('an Event is accepted, and so is its series', async () => {
    const regarding = await client.create(resources.configMaps, configMap('observed'))
    const recorder = new EventRecorder({
      client,
      reportingController: 'signet.dev/controller',
      reportingInstance: 'test',
      seriesIntervalMs: 10,
    })
    const details = { regarding, type: 'Warning', reason: 'Tested', action: 'Test', note: 'as it should be' } as const
    recorder.record(details)
    await recorder.flush()
    recorder.record(details)
    await recorder.flush()
    const { items } = await client.list<KubeObject & { reason?: string; series?: { count: number } }>(
      resources.events,
      { namespace },
    )
    const [event, ...others] = items.filter(({ reason }) => reason === 'Tested')
    expect(others).toEqual([])
    expect(event).toMatchObject({
      note: 'as it should be',
      regarding: { kind: 'ConfigMap', name: 'observed', uid: regarding.metadata.uid },
      series: { count: 2 },
    })
  })

  it('a thousand calls need no more than sixteen connections', async () => {
    const fresh = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
    await Promise.all(
      Array.from({ length: 1_000 }, () => fresh.get(resources.configMaps, { namespace, name: 'observed' })),
    )
    expect(fresh.stats.connections).toBeLessThanOrEqual(16)
    await fresh.close()
  })
})
