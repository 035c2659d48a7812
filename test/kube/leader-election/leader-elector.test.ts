import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { LeaderElector, type LeaderElectorOptions } from '../../../src/kube/leader-election/leader-elector.ts'
import type { Lease } from '../../../src/kube/leader-election/lease-record.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { createMemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const ref = { namespace: 'signet-system', name: 'signet-controller' }
const start = Date.parse('2026-01-01T00:00:00Z')

beforeEach(() => void vi.useFakeTimers({ now: start }))
afterEach(() => void vi.useRealTimers())

const never = new Promise<never>(() => undefined)
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

function candidate(client: KubeClient, identity: string, options: Partial<LeaderElectorOptions> = {}) {
  const stop = new AbortController()
  const state = { working: false, outcome: undefined as unknown }
  const elector = new LeaderElector({
    client,
    ...ref,
    identity,
    random: () => 0,
    onStartedLeading: async (signal) => {
      state.working = true
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      state.working = false
    },
    ...options,
  })
  const running = elector.run(stop.signal).then(
    () => (state.outcome = 'stopped'),
    (error: unknown) => (state.outcome = error),
  )
  onTestFinished(() => stop.abort())
  return { elector, state, stop, running }
}

function cluster() {
  const client = createMemoryKubeClient()
  const lease = () => client.storage.list('leases')[0] as Lease
  return { client, lease }
}

describe('a candidate', () => {
  it('makes the lease and leads', async () => {
    const { client, lease } = cluster()
    const { elector, state } = candidate(client, 'a')
    await pass(0)
    expect(state.working).toBe(true)
    expect(elector.isLeader).toBe(true)
    expect(lease().spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    })
  })

  it('waits while another renews, and leads 15 s after the last renewal it saw', async () => {
    const { client, lease } = cluster()
    candidate(client, 'a')
    await pass(0)
    const b = candidate(client, 'b')
    await pass(60_000)
    expect(b.state.working).toBe(false)
    const last = lease().spec?.renewTime
    // The process dies: no release.
    const writes = vi.spyOn(client, 'replace').mockImplementation(() => new Promise(() => undefined))
    await pass(13_000)
    writes.mockRestore()
    expect(lease().spec?.renewTime).toBe(last)
    expect(b.state.working).toBe(false)
    await pass(5_000)
    expect(b.state.working).toBe(true)
    expect(lease().spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it.each([0, 1_000, 2_000, 3_000, 4_000])(
    'leads within 17.5 s of the last renewal, however slowly it looks (leader killed after %i ms)',
    async (offset) => {
      const { client, lease } = cluster()
      let dead = false
      const mortal = { ...client, replace: (...call) => (dead ? never : client.replace(...call)) } as KubeClient
      candidate(mortal, 'a')
      const b = candidate(client, 'b', { random: () => 1 })
      await pass(10_000 + offset)
      const last = Date.parse(lease().spec?.renewTime ?? '')
      // The process is gone: what it would write never arrives.
      dead = true
      while (!b.state.working) await pass(100)
      expect(Date.now() - last).toBeLessThan(17_500)
    },
  )

  it.each(['2020-01-01T00:00:00.000000Z', '2040-01-01T00:00:00.000000Z'])(
    'judges by its own clock, not by the time the holder wrote (%s)',
    async (renewTime) => {
      const { client } = cluster()
      const spec = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime }
      await client.create<Lease>(resources.leases, { metadata: ref, spec })
      const { state } = candidate(client, 'a')
      await pass(14_000)
      expect(state.working).toBe(false)
      await pass(3_000)
      expect(state.working).toBe(true)
    },
  )

  it('respects the duration that the holder promised', async () => {
    const { client } = cluster()
    await client.create<Lease>(resources.leases, {
      metadata: ref,
      spec: { holderIdentity: 'other', leaseDurationSeconds: 60 },
    })
    const { state } = candidate(client, 'a')
    await pass(58_000)
    expect(state.working).toBe(false)
    await pass(4_000)
    expect(state.working).toBe(true)
  })

  it('leads at once where the lease was released', async () => {
    const { client, lease } = cluster()
    const a = candidate(client, 'a')
    await pass(0)
    a.stop.abort()
    await a.running
    expect(a.state.outcome).toBe('stopped')
    expect(lease().spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 })
    const b = candidate(client, 'b')
    await pass(0)
    expect(b.state.working).toBe(true)
    expect(lease().spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('that loses the race to make the lease waits like everybody', async () => {
    const { client, lease } = cluster()
    const [a, b] = [candidate(client, 'a'), candidate(client, 'b')]
    await pass(30_000)
    expect([a.state.working, b.state.working]).toEqual([true, false])
    expect(lease().spec?.holderIdentity).toBe('a')
  })

  it('goes on trying while the API server is away', async () => {
    const { client } = cluster()
    for (let index = 0; index < 5; index++)
      client.failOnce('get', resources.leases, { status: 503, reason: 'ServiceUnavailable' })
    const { state } = candidate(client, 'a')
    await pass(4_000)
    expect(state.working).toBe(false)
    await pass(2_000)
    expect(state.working).toBe(true)
  })

  it('that is stopped before it leads writes nothing', async () => {
    const { client } = cluster()
    const { stop, running, state } = candidate(client, 'a')
    stop.abort()
    await running
    expect(state.outcome).toBe('stopped')
    await pass(20_000)
    expect(client.storage.list('leases')).toEqual([])
  })

  it('needs times that can work', () => {
    const { client } = cluster()
    for (const times of [
      { leaseDuration: 10_000, renewDeadline: 10_000 },
      { renewDeadline: 2_000, retryPeriod: 2_000 },
    ]) {
      const options = { client, ...ref, identity: 'a', onStartedLeading: () => undefined, ...times }
      expect(() => new LeaderElector(options)).toThrow(TypeError)
    }
  })
})

describe('a leader', () => {
  it('renews every two seconds by one write of the version it knows, with a request limit of half the deadline', async () => {
    const { client, lease } = cluster()
    const get = vi.spyOn(client, 'get')
    const replace = vi.spyOn(client, 'replace')
    const { state } = candidate(client, 'a')
    await pass(20_100)
    expect(state.working).toBe(true)
    expect(get).toHaveBeenCalledTimes(1)
    expect(replace).toHaveBeenCalledTimes(10)
    expect(replace.mock.calls.every(([, , options]) => options?.pool === 'lease')).toBe(true)
    expect(lease().spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:20.000000Z',
    })
  })

  it('looks again after a conflict, and goes on if the lease is still its own', async () => {
    const { client } = cluster()
    const { state } = candidate(client, 'a')
    await pass(0)
    // Another writer labels the lease.
    await client.patch(resources.leases, ref, { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
    await pass(60_000)
    expect(state.working).toBe(true)
    expect(client.storage.list('leases')[0]?.metadata.labels).toEqual({ a: 'b' })
  })

  it('makes a lease that was deleted anew', async () => {
    const { client, lease } = cluster()
    const { state } = candidate(client, 'a')
    await pass(0)
    await client.delete(resources.leases, ref)
    await pass(5_000)
    expect(state.working).toBe(true)
    expect(lease().spec?.holderIdentity).toBe('a')
  })

  it('stops at once when another has taken the lease', async () => {
    const { client, lease } = cluster()
    const { state, running } = candidate(client, 'a')
    await pass(0)
    await client.replace<Lease>(resources.leases, { ...lease(), spec: { ...lease().spec, holderIdentity: 'thief' } })
    await pass(4_100)
    await running
    expect(state).toMatchObject({ working: false, outcome: { code: 'ERR_LEADERSHIP_LOST' } })
    expect(lease().spec?.holderIdentity).toBe('thief')
  })

  it('stops ten seconds after its last renewal, before another process can lead', async () => {
    const { client } = cluster()
    const { state, elector } = candidate(client, 'a')
    await pass(0)
    const replace = vi.spyOn(client, 'replace').mockImplementation(() => Promise.reject(new Error('away')))
    vi.spyOn(client, 'get').mockImplementation(() => Promise.reject(new Error('away')))
    await pass(9_900)
    expect(state.working).toBe(true)
    await pass(200)
    expect(state).toMatchObject({ working: false, outcome: { code: 'ERR_LEADERSHIP_LOST' } })
    expect(elector.isLeader).toBe(false)
    expect(replace.mock.calls.length).toBeGreaterThan(0)
  })

  it('gives up a request that is not answered, and renews with the next', async () => {
    const { client } = cluster()
    const { state } = candidate(client, 'a')
    await pass(0)
    vi.spyOn(client, 'replace').mockImplementationOnce(() => new Promise(() => undefined))
    await pass(60_000)
    expect(state.working).toBe(true)
  })

  it('counts from when a renewal was sent, not from when it was answered', async () => {
    const { client } = cluster()
    const { state } = candidate(client, 'a')
    await pass(0)
    const direct = createMemoryKubeClient(client.storage)
    let sent = 0
    vi.spyOn(client, 'replace').mockImplementation(async (resource, object) => {
      if (sent++ > 0) return new Promise(() => undefined)
      const answer = await direct.replace(resource, object)
      await new Promise((resolve) => setTimeout(resolve, 4_900))
      return answer
    })
    vi.spyOn(client, 'get').mockImplementation(() => new Promise(() => undefined))
    // Sent at 2 s, answered at 6.9 s, then nothing.
    await pass(11_900)
    expect(state.working).toBe(true)
    await pass(200)
    expect(state.working).toBe(false)
  })

  it('that was blocked past its deadline does not renew but stops, and knows it at once', async () => {
    const { client, lease } = cluster()
    let blockedFor = 0
    const clock = { now: () => Date.now(), monotonic: () => performance.now() + blockedFor }
    const { state, elector } = candidate(client, 'a', { clock })
    await pass(3_000)
    const before = lease().spec?.renewTime
    blockedFor = 20_000
    expect(elector.isLeader).toBe(false)
    await pass(2_000)
    expect(state).toMatchObject({ working: false, outcome: { code: 'ERR_LEADERSHIP_LOST' } })
    expect(lease().spec?.renewTime).toBe(before)
  })

  it('releases only after its work has ended', async () => {
    const { client, lease } = cluster()
    const finish = Promise.withResolvers<undefined>()
    const { stop, running } = candidate(client, 'a', { onStartedLeading: () => finish.promise })
    await pass(0)
    stop.abort()
    await pass(3_000)
    expect(lease().spec?.holderIdentity).toBe('a')
    finish.resolve(undefined)
    await running
    expect(lease().spec?.holderIdentity).toBe('')
  })

  it('no longer takes itself for one while the answer to its release is on its way', async () => {
    const { client } = cluster()
    const { stop, elector } = candidate(client, 'a')
    await pass(0)
    vi.spyOn(client, 'replace').mockImplementation(() => new Promise(() => undefined))
    stop.abort()
    await pass(0)
    expect(elector.isLeader).toBe(false)
  })

  it('releases it also where a renewal that it abandoned had been stored', async () => {
    const { client, lease } = cluster()
    const { stop, running } = candidate(client, 'a')
    await pass(1_900)
    const replace = client.replace.bind(client)
    vi.spyOn(client, 'replace').mockImplementationOnce(async (...call) => {
      await replace(...call)
      return never
    })
    await pass(200)
    stop.abort()
    await running
    expect(lease().spec?.holderIdentity).toBe('')
  })

  it('does not release what another took meanwhile', async () => {
    const { client, lease } = cluster()
    const { stop, running } = candidate(client, 'a')
    await pass(0)
    await client.replace<Lease>(resources.leases, { ...lease(), spec: { holderIdentity: 'b' } })
    stop.abort()
    await running
    expect(lease().spec?.holderIdentity).toBe('b')
  })

  it('leaves the lease to expire where its work does not end', async () => {
    const { client, lease } = cluster()
    const { stop, running, state } = candidate(client, 'a', { onStartedLeading: () => new Promise(() => undefined) })
    await pass(0)
    stop.abort()
    await pass(11_000)
    await running
    expect(state.outcome).toBe('stopped')
    expect(lease().spec?.holderIdentity).toBe('a')
  })

  it('whose work throws releases and rejects with that', async () => {
    const { client, lease } = cluster()
    const { state, running } = candidate(client, 'a', {
      onStartedLeading: () => Promise.reject(new Error('work at fault')),
    })
    await pass(100)
    await running
    expect(state.outcome).toMatchObject({ message: 'work at fault' })
    expect(lease().spec?.holderIdentity).toBe('')
  })
})
