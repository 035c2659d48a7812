import { describe, expect, it } from 'vitest'
import { formatTime } from '../../../src/time/clock.ts'
import { NudgeReconciler } from '../../../src/controller/nudge/reconciler.ts'
import type { TokenBucketOptions } from '../../../src/time/token-bucket.ts'
import { podIndexers } from '../../../src/controller/nudge/injected-pods.ts'
import { SECOND } from '../../../src/time/duration.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { createMemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const key = 'shop/orders'

async function prepare({ rate, more = 0 }: { rate?: TokenBucketOptions; more?: number } = {}) {
  const client = createMemoryKubeClient()
  const pods = new Store<KubeObject>(podIndexers)
  const clock = new HeldClock()
  const pod = (name: string, identity: string, namespace = 'shop'): KubeObject => ({
    metadata: {
      name,
      namespace,
      creationTimestamp: formatTime(clock.now()),
      annotations: { 'signet.dev/injected': identity },
    },
  })
  const extra = Array.from({ length: more }, (_, index) => pod(`more-${index}`, 'orders'))
  for (const object of [
    ...extra,
    pod('a', 'orders'),
    pod('b', 'orders'),
    pod('c', 'payments'),
    pod('d', 'orders', 'bank'),
  ]) {
    const created = await client.create(resources.pods, object)
    pods.set({ ...created, metadata: { ...created.metadata, ...object.metadata } })
  }
  client.writes.length = 0
  clock.advance(10 * SECOND)
  const nudges = new NudgeReconciler({ client, pods, clock, metrics: createMetrics(), ...(rate && { rate }) })
  const run = () => nudges.reconcile(key, AbortSignal.timeout(5000))
  const annotation = async (name: string) =>
    (await client.get(resources.pods, { namespace: 'shop', name }))?.metadata.annotations?.['signet.dev/nudge']
  return { client, pods, clock, nudges, run, annotation }
}

describe('the nudge', () => {
  it('changes an annotation of every pod of the identity and of no other', async () => {
    const { client, nudges, run, annotation } = await prepare()
    nudges.request(key)
    await run()
    expect(client.writes.sort()).toEqual(['patch pods shop/a', 'patch pods shop/b'])
    expect(await annotation('a')).toBe('2026-06-01T00:00:10.000Z')
  })

  it('writes another value a millisecond later, or kubelet would not look again', async () => {
    const { clock, nudges, run, annotation } = await prepare()
    nudges.request(key)
    await run()
    clock.advance(1)
    nudges.request(key)
    await run()
    expect(await annotation('a')).toBe('2026-06-01T00:00:10.001Z')
  })

  it('tries again only the pods that failed', async () => {
    const { client, clock, nudges, run, annotation } = await prepare()
    nudges.request(key)
    client.failOnce('patch', resources.pods, { status: 500, reason: 'InternalError' })
    await expect(run()).rejects.toMatchObject({ status: 500 })
    expect(client.writes).toHaveLength(2)
    clock.advance(SECOND)
    await run()
    expect(client.writes).toHaveLength(3)
    expect([await annotation('a'), await annotation('b')].sort()).toEqual([
      '2026-06-01T00:00:10.000Z',
      '2026-06-01T00:00:11.000Z',
    ])
  })

  it('I2, I10: is seen to be missing where a crash came between the Secret and the nudge', async () => {
    const { clock, nudges, run } = await prepare()
    const issuedAt = clock.now()
    expect(nudges.lags(key, issuedAt)).toBe(true)
    nudges.request(key)
    await run()
    expect(nudges.lags(key, issuedAt)).toBe(false)
  })

  it('spares pods that started after the tokens were issued', async () => {
    const { clock, nudges } = await prepare()
    expect(nudges.lags(key, clock.now() - 10 * SECOND)).toBe(false)
  })

  it('takes a pod that is gone for done', async () => {
    const { client, nudges, run } = await prepare()
    await client.delete(resources.pods, { namespace: 'shop', name: 'a' })
    nudges.request(key)
    await run()
    expect(client.writes).toContain('patch pods shop/b')
  })

  it('spreads an ordinary renewal of many pods by the rate, and holds up no worker meanwhile', async () => {
    const { client, clock, nudges, run } = await prepare({
      rate: { perSecond: 2, burst: 3, overdraft: 10 },
      more: 5,
    })
    nudges.request(key)
    expect(await run()).toEqual({ requeueAfterMs: 500 })
    expect(client.writes).toHaveLength(3)
    expect(await run()).toEqual({ requeueAfterMs: 500 })
    expect(client.writes).toHaveLength(3)
    clock.advance(SECOND)
    expect(await run()).toEqual({ requeueAfterMs: 500 })
    expect(client.writes).toHaveLength(5)
    clock.advance(2 * SECOND)
    expect(await run()).toBeUndefined()
    expect(new Set(client.writes).size).toBe(7)
    expect(nudges.waiting).toBe(0)
  })

  it('nudges pods after a revocation at once, although others have used up the rate', async () => {
    const { client, nudges, run } = await prepare({ rate: { perSecond: 1, burst: 1, overdraft: 10 }, more: 5 })
    nudges.request(key)
    await run()
    nudges.request(key, { urgent: true })
    // A later request that is less urgent does not delay these pods.
    nudges.request(key)
    expect(await run()).toBeUndefined()
    expect(new Set(client.writes).size).toBe(7)
  })

  it('nudges nobody twice where the same lost nudge is found by several looks', async () => {
    const { client, clock, nudges, run } = await prepare()
    const since = clock.now()
    nudges.request(key, { since })
    await run()
    clock.advance(SECOND)
    nudges.request(key, { since })
    await run()
    expect(client.writes).toHaveLength(2)
  })

  it('does nothing for a key that nobody asked for', async () => {
    const { client, run } = await prepare()
    expect(await run()).toBeUndefined()
    expect(client.writes).toEqual([])
  })

  it('I10: keeps what is left to do where a run is aborted', async () => {
    const { client, nudges, run } = await prepare()
    nudges.request(key)
    await nudges.reconcile(key, AbortSignal.abort())
    expect(nudges.waiting).toBe(1)
    await run()
    expect(client.writes).toHaveLength(2)
    expect(nudges.waiting).toBe(0)
  })

  it('forgets an identity that has no pods', async () => {
    const { nudges } = await prepare()
    nudges.request('shop/nobody')
    await nudges.reconcile('shop/nobody', AbortSignal.timeout(5000))
    expect(nudges.waiting).toBe(0)
  })
})
