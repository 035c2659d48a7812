import { spawn } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { CoreV1Api, makeInformer, type V1ConfigMap } from '@kubernetes/client-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { Reflector, type ReflectorOptions } from '../../../src/kube/cache/reflector.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { eventually } from '../../builders/eventually.ts'
import { fakeCluster, recordingLogger, stockConfig } from '../../fakes/api-server-fixture.ts'
import type { FakeApiServer, OpenWatch } from '../../fakes/api-server.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

const configMap = (name: string, more: Partial<ConfigMap> = {}, namespace = 'shop'): ConfigMap => ({
  ...more,
  metadata: { namespace, name, ...more.metadata },
})
/** Quick, but in the proportions of the real ones. */
const timings = {
  watchSeconds: [30, 60],
  silentMs: 30_000,
  listGapMs: 10,
  quickMs: 50,
  backoff: { baseMs: 20, capMs: 200, healthyMs: 2_000 },
} as const

async function following(
  options: Partial<ReflectorOptions<ConfigMap>> = {},
  prepare: (fake: FakeApiServer) => void = () => undefined,
) {
  const { fake, client } = await fakeCluster()
  prepare(fake)
  const logger = recordingLogger()
  const reflector = new Reflector<ConfigMap>({ client, resource: resources.configMaps, logger, timings, ...options })
  const events: string[] = []
  reflector.onEvent(({ type, object, previous, initial }) => {
    const known = previous === undefined ? '' : ' changed'
    events.push(`${type} ${object.metadata.name}${known}${initial ? ' (list)' : ''}`)
  })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  const names = () =>
    reflector.store
      .list()
      .map(({ metadata }) => metadata.name)
      .sort()
  /** The one open watch. */
  const watch = (): Promise<OpenWatch> =>
    eventually(() => {
      expect(fake.watches.size).toBe(1)
      return [...fake.watches][0]!
    })
  const again = async (open: OpenWatch) => eventually(async () => expect(await watch()).not.toBe(open))
  return { fake, client, reflector, events, names, watch, again, stop, running, logger }
}

const verbs = (fake: FakeApiServer) =>
  fake.requests.map(({ verb, query }) => (query['sendInitialEvents'] ? 'stream' : verb))

describe('a reflector', () => {
  it('lists, syncs, then follows changes', async () => {
    const { fake, reflector, events, names } = await following({}, (server) =>
      server.put(resources.configMaps, configMap('a')),
    )
    expect(reflector.hasSynced).toBe(false)
    await reflector.synced()
    expect(reflector.hasSynced).toBe(true)
    expect(names()).toEqual(['a'])
    fake.put(resources.configMaps, configMap('b'))
    fake.put(resources.configMaps, configMap('a', { data: { x: '1' } }))
    fake.remove(resources.configMaps, configMap('b').metadata)
    await eventually(() => expect(events).toEqual(['added a (list)', 'added b', 'updated a changed', 'deleted b']))
    expect(reflector.store.get({ namespace: 'shop', name: 'a' })?.data).toEqual({ x: '1' })
    expect(verbs(fake)).toEqual(['stream'])
  })

  it('W2: asks for bookmarks, and for an end so soon that a dead watch is replaced within a minute', async () => {
    const { fake, reflector } = await following({ timings: {} })
    await reflector.synced()
    const { query } = fake.requests[0]!
    expect(query).toMatchObject({
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    })
    expect(Number(query['timeoutSeconds'])).toBeGreaterThanOrEqual(30)
    expect(Number(query['timeoutSeconds'])).toBeLessThanOrEqual(40)
  })

  it('W13: selects the same in lists and watches', async () => {
    const options = { namespace: 'shop', labelSelector: 'app=a', fieldSelector: 'metadata.name=b' }
    const { fake, reflector } = await following(options, (server) => {
      server.streamingLists = false
    })
    await reflector.synced()
    await eventually(() => expect(verbs(fake)).toEqual(['stream', 'list', 'watch']))
    for (const { path, query } of fake.requests) {
      expect(path).toBe('/api/v1/namespaces/shop/configmaps')
      expect(query).toMatchObject({ labelSelector: 'app=a', fieldSelector: 'metadata.name=b' })
    }
  })

  it('keeps each of several namespaces with a watch of its own', async () => {
    const { fake, reflector, names } = await following({ namespaces: ['a', 'b'] }, (server) => {
      for (const namespace of ['a', 'b', 'c'])
        server.put(resources.configMaps, configMap(`in-${namespace}`, {}, namespace))
    })
    await reflector.synced()
    expect(names()).toEqual(['in-a', 'in-b'])
    fake.remove(resources.configMaps, { namespace: 'a', name: 'in-a' })
    fake.put(resources.configMaps, configMap('new', {}, 'b'))
    await eventually(() => expect(names()).toEqual(['in-b', 'new']))
    // A new list of one namespace leaves the objects of the other alone.
    for (const open of fake.watches) if (open.request.path.includes('/b/')) open.error(410, 'Expired')
    await eventually(() => expect(reflector.stats.relists).toBe(1))
    expect(names()).toEqual(['in-b', 'new'])
  })

  it('keeps metadata alone where that is asked for, never managedFields, and what the transform leaves', async () => {
    const partial = await following({ metadataOnly: true }, (server) =>
      server.put(resources.configMaps, configMap('a', { data: { x: '1' } })),
    )
    await partial.reflector.synced()
    expect(partial.reflector.store.list()[0]).not.toHaveProperty('data')
    const cut = await following({ transform: ({ metadata }) => ({ metadata }) }, (server) =>
      server.put(resources.configMaps, configMap('a', { data: { x: '1' } })),
    )
    await cut.reflector.synced()
    expect(Object.keys(cut.reflector.store.list()[0] ?? {})).toEqual(['metadata'])
    for (const { reflector, fake } of [partial, cut]) {
      expect(fake.objects(resources.configMaps)[0]?.metadata).toHaveProperty('managedFields')
      expect(reflector.store.list()[0]?.metadata).not.toHaveProperty('managedFields')
    }
  })

  it('finds by index, through changes', async () => {
    const indexers = { app: ({ metadata }: ConfigMap) => (metadata.labels?.['app'] ? [metadata.labels['app']] : []) }
    const { fake, reflector } = await following({ indexers }, (server) =>
      server.put(resources.configMaps, configMap('a', { metadata: { name: 'a', labels: { app: 'x' } } })),
    )
    await reflector.synced()
    expect(reflector.store.byIndex('app', 'x')).toHaveLength(1)
    fake.put(resources.configMaps, configMap('a', { metadata: { name: 'a', labels: { app: 'y' } } }))
    await eventually(() => expect(reflector.store.byIndex('app', 'y')).toHaveLength(1))
    expect(reflector.store.byIndex('app', 'x')).toEqual([])
  })

  it('rejects who waits for its sync when he gives up, and may be waited for again', async () => {
    const { fake, reflector } = await following({}, (server) => server.intercept(() => 'hang'))
    await expect(reflector.synced(AbortSignal.timeout(30))).rejects.toThrow()
    expect(reflector.hasSynced).toBe(false)
    await eventually(() => expect(fake.requests).toHaveLength(1))
  })

  it('runs once', async () => {
    const { reflector, stop } = await following()
    await expect(reflector.run(stop.signal)).rejects.toThrow(TypeError)
  })
})

describe('T20: a list', () => {
  it('comes from the cache where the server has no streaming lists, and that is remembered', async () => {
    const { fake, reflector, watch, again } = await following({}, (server) => {
      server.streamingLists = false
      server.put(resources.configMaps, configMap('a'))
    })
    await reflector.synced()
    const open = await watch()
    expect(fake.requests[1]?.query).toEqual({ resourceVersion: '0' })
    open.error(410, 'Expired')
    await eventually(() => expect(reflector.stats.relists).toBe(1))
    await again(open)
    expect(verbs(fake)).toEqual(['stream', 'list', 'watch', 'list', 'watch'])
    // No older than what was seen.
    expect(fake.requests[3]?.query).toEqual({ resourceVersion: '101' })
  })

  it('W7: is asked for as the newest, by pages, where the server has not what was seen', async () => {
    const { fake, reflector, watch, names } = await following({}, (server) => {
      server.streamingLists = false
      for (let index = 0; index < 3; index++) server.put(resources.configMaps, configMap(`m${index}`))
    })
    await reflector.synced()
    const open = await watch()
    let refused = 0
    fake.intercept(({ verb, query }) => {
      const known = verb === 'list' && query['limit'] === undefined
      return known && refused++ === 0 ? { status: 410, reason: 'Expired' } : undefined
    })
    open.error(410, 'Expired')
    await eventually(() => expect(reflector.stats.relists).toBe(1))
    expect(fake.requests.at(-1)?.query).toMatchObject(fake.requests.at(-1)?.verb === 'watch' ? {} : { limit: '500' })
    expect(fake.requests.filter(({ query }) => query['limit'] === '500')).toHaveLength(1)
    expect(names()).toEqual(['m0', 'm1', 'm2'])
  })

  it('W7: is asked for as the newest after the history of the server was restored to an older one', async () => {
    const { fake, reflector, watch } = await following({}, (server) => {
      server.streamingLists = false
      server.put(resources.configMaps, configMap('a'))
    })
    await reflector.synced()
    const open = await watch()
    fake.storage.version = 50
    open.error(504, 'Timeout')
    open.end()
    let asked = 0
    fake.intercept(({ verb }) => (verb === 'watch' && asked++ === 0 ? { status: 410, reason: 'Expired' } : undefined))
    await eventually(() => expect(reflector.stats.relists).toBe(1))
    expect(fake.requests.filter(({ verb }) => verb === 'list').map(({ query, status }) => [query, status])).toEqual([
      [{ resourceVersion: '0' }, 200],
      [{ resourceVersion: '101' }, 504],
      [{ limit: '500' }, 200],
    ])
  })

  it('that breaks off in its stream is asked for in the plain way', async () => {
    let broken = 0
    const { fake, reflector, names } = await following({}, (server) => {
      server.put(resources.configMaps, configMap('a'))
      const event = JSON.stringify({ type: 'ADDED', object: configMap('phantom') })
      server.intercept(({ query }) =>
        query['sendInitialEvents'] && broken++ === 0 ? { raw: `${event}\n`, then: 'end' } : undefined,
      )
    })
    await reflector.synced()
    expect(verbs(fake).slice(0, 2)).toEqual(['stream', 'list'])
    expect(names()).toEqual(['a'])
  })
})

describe('a streaming list that fails', () => {
  it('for whatever reason is followed by a plain one, so that a server that refuses every watch is still seen', async () => {
    const { fake, names } = await following({}, (server) => {
      server.intercept(({ verb }) => (verb === 'watch' ? { status: 410, reason: 'Expired' } : undefined))
    })
    fake.put(resources.configMaps, configMap('a'))
    await eventually(() => expect(names()).toEqual(['a']))
    fake.put(resources.configMaps, configMap('b'))
    fake.remove(resources.configMaps, { namespace: 'shop', name: 'a' })
    await eventually(() => expect(names()).toEqual(['b']))
  })
})

describe('W1: a watch that is dead', () => {
  it('is noticed when its end does not come, and replaced by one that goes on from there', async () => {
    // So long that the watch is mute before it would end, and that the next one ends in time, however slow the machine.
    const impatient = await fakeCluster({ watchGraceMs: 500 })
    const { reflector, names } = await following({
      client: impatient.client,
      timings: { ...timings, watchSeconds: [3, 3] },
    })
    const { fake } = impatient
    await reflector.synced()
    const watch = () => eventually(() => [...fake.watches][0]!)
    const again = (dead: OpenWatch) => eventually(async () => expect(await watch()).not.toBe(dead))
    const open = await watch()
    open.mute()
    fake.put(resources.configMaps, configMap('missed'))
    await again(open)
    await eventually(() => expect(names()).toEqual(['missed']))
    expect(reflector.stats).toMatchObject({ failures: 1, reconnects: 1, relists: 0 })
  })

  it('is not suspected while ends come in time: a quiet watch is followed by the next, nothing is listed', async () => {
    const { fake, reflector } = await following({ timings: { ...timings, watchSeconds: [1, 1] } })
    await reflector.synced()
    await eventually(() => expect(reflector.stats.reconnects).toBe(2))
    // The next one is sent before the connection of the last is known to be free.
    expect(fake.connections.made).toBeLessThanOrEqual(2)
    expect(reflector.stats).toMatchObject({ failures: 0, relists: 0 })
  })

  it('or never says a word over several of them is followed by a list of the newest, as the history may be another', async () => {
    const clock = new HeldClock()
    const options = { clock, timings: { ...timings, silentMs: 150 } }
    const { fake, client, reflector, watch, again } = await following(options, (server) => {
      server.streamingLists = false
    })
    await reflector.synced()
    for (let round = 0; round < 2; round += 1) {
      const open = await watch()
      // The client has its headers: the time of this watch has begun.
      await eventually(() => expect(client.stats.watches).toBe(1))
      open.mute()
      clock.advance(100)
      open.end()
      await again(open)
    }
    expect(verbs(fake)).toEqual(['stream', 'list', 'watch', 'watch', 'list', 'watch'])
    expect(fake.requests[4]?.query).toEqual({ limit: '500' })
    expect(reflector.stats.failures).toBe(0)
  })
})

describe('W2: bookmarks', () => {
  it('carry the position of a quiet watch, so that it outlives the history', async () => {
    const { fake, reflector, watch, again } = await following()
    fake.bookmarkMs = 50
    await reflector.synced()
    const open = await watch()
    for (let index = 0; index < 5; index++)
      fake.put(resources.secrets, { metadata: { namespace: 'x', name: `s${index}` } })
    const version = String(fake.storage.version)
    await eventually(() => expect(reflector.store.progress('')).toBe(version))
    fake.storage.compact()
    open.end()
    await again(open)
    expect(fake.requests.at(-1)?.query['resourceVersion']).toBe(version)
    expect(reflector.stats.relists).toBe(0)
  })
})

describe('W3: a connection that fails', () => {
  it.each([
    ['a reset', 'reset'],
    ['a refusal for load', { status: 429 }],
    ['an internal error', { status: 500 }],
    ['a forbidden list', { status: 403 }],
    ['garbage', { raw: 'not json\n', then: 'end' }],
  ] as const)('by %s is tried again until it works', async (_, fault) => {
    let failed = 0
    const { fake, reflector, names } = await following({}, (server) => {
      server.put(resources.configMaps, configMap('a'))
      server.intercept(() => (failed++ < 8 ? fault : undefined))
    })
    await reflector.synced()
    expect(names()).toEqual(['a'])
    fake.put(resources.configMaps, configMap('b'))
    await eventually(() => expect(names()).toEqual(['a', 'b']))
  })

  it('by a refusal for load is tried again no sooner than Retry-After says', async () => {
    const asked: number[] = []
    const { reflector } = await following({}, (server) => {
      server.intercept(() => (asked.push(performance.now()) === 1 ? { status: 429, retryAfter: '1' } : undefined))
    })
    await reflector.synced()
    expect(asked[1]! - asked[0]!).toBeGreaterThan(990)
  })

  it('while the server is away is followed by what happened meanwhile', async () => {
    const { fake, reflector, events, watch } = await following({}, (server) => {
      for (const name of ['kept', 'removed']) server.put(resources.configMaps, configMap(name))
    })
    await reflector.synced()
    const open = await watch()
    let [away, refused] = [true, 0]
    fake.intercept(() => (away && ++refused > 0 ? 'reset' : undefined))
    open.reset()
    fake.remove(resources.configMaps, { namespace: 'shop', name: 'removed' })
    fake.put(resources.configMaps, configMap('added'))
    await eventually(() => expect(refused).toBeGreaterThan(3))
    away = false
    await eventually(() => expect(events.slice(2)).toEqual(['deleted removed', 'added added']))
    expect(reflector.stats.relists).toBe(0)
  })
})

describe('W4: stopping', () => {
  it('is final: no request follows, nothing stays open', async () => {
    const { fake, stop, running, reflector } = await following()
    await reflector.synced()
    stop.abort()
    await running
    const { length } = fake.requests
    await eventually(() => expect([fake.watches.size, fake.connections.open]).toEqual([0, 0]))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(fake.requests).toHaveLength(length)
    expect(reflector.stats.failures).toBe(0)
  })

  it('W11: during the first list opens no watch after it', async () => {
    const { fake, stop, running, reflector } = await following({}, (server) => {
      server.streamingLists = false
      server.intercept(({ verb }) => (verb === 'list' ? 'hang' : undefined))
    })
    await eventually(() => expect(verbs(fake)).toEqual(['stream', 'list']))
    stop.abort()
    await running
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(verbs(fake)).toEqual(['stream', 'list'])
    expect(reflector.hasSynced).toBe(false)
  })

  it('W11: ends a wait between two tries at once', async () => {
    const slow = { ...timings, backoff: { baseMs: 60_000, capMs: 60_000, healthyMs: 1 } }
    const { stop, running, reflector } = await following({ timings: slow, random: () => 1 }, (server) =>
      server.intercept(() => 'reset'),
    )
    await eventually(() => expect(reflector.stats.failures).toBe(1))
    stop.abort()
    await expect(running).resolves.toBeUndefined()
  })
})

describe('W5: a storm of clean ends', () => {
  it('is met with ever longer waits, not with a request for each', async () => {
    const { fake, reflector } = await following({ random: () => 1 }, (server) => {
      server.intercept(({ query }) => (query['sendInitialEvents'] ? undefined : { raw: '', then: 'end' }))
    })
    await reflector.synced()
    const open = await eventually(() => [...fake.watches][0]!)
    // Old enough that its own end is in order.
    await new Promise((resolve) => setTimeout(resolve, 60))
    const before = performance.now()
    open.end()
    const again = () => fake.requests.length - 1
    await eventually(() => expect(again()).toBeGreaterThanOrEqual(7), 10_000, 1)
    const [count, tookMs] = [again(), performance.now() - before]
    // Waits of 0, 20, 40, 80, 160, 200 ms and 200 ms from then on; stock client-node 1.4 made 890 requests in 4 s.
    expect(tookMs).toBeGreaterThan(0.9 * (20 + 40 + 80 + 160 + 200 * (count - 5)))
    expect(reflector.stats.failures).toBeGreaterThanOrEqual(count - 1)
  })

  it('of watches that were long enough open is followed at once', async () => {
    const clock = new HeldClock()
    const { client, reflector, watch, again } = await following({
      clock,
      random: () => 1,
      timings: { ...timings, backoff: { baseMs: 60_000, capMs: 60_000, healthyMs: 1 } },
    })
    await reflector.synced()
    for (let round = 0; round < 3; round++) {
      const open = await watch()
      // From when the client knows of it, which is later than the server's own opening.
      await eventually(() => expect(client.stats.watches).toBe(1))
      clock.advance(60)
      open.end()
      await again(open)
    }
    expect(reflector.stats).toMatchObject({ failures: 0, reconnects: 3 })
  })
})

describe('W6: an ERROR inside a watch', () => {
  it('is logged and waited for, and keeps the position', async () => {
    const { fake, reflector, watch, again, logger } = await following()
    await reflector.synced()
    const open = await watch()
    open.error(500, 'InternalError')
    await again(open)
    expect(logger.lines.join('\n')).toContain('500 InternalError')
    expect(verbs(fake)).toEqual(['stream', 'watch'])
    expect(reflector.stats).toMatchObject({ relists: 0, failures: 1 })
  })
})

describe('W7: a position that is too old', () => {
  it('makes it list again, whether refused at connect or inside the watch; missed deletes are found', async () => {
    for (const inside of [true, false]) {
      const { fake, reflector, watch, names, events } = await following({}, (server) => {
        for (const name of ['a', 'b']) server.put(resources.configMaps, configMap(name))
      })
      await reflector.synced()
      const open = await watch()
      let refusals = 0
      if (!inside)
        fake.intercept(({ query }) =>
          query['sendInitialEvents'] || refusals++ > 0 ? undefined : { status: 410, reason: 'Gone' },
        )
      open.mute()
      fake.remove(resources.configMaps, { namespace: 'shop', name: 'a' })
      fake.put(resources.configMaps, configMap('c'))
      fake.storage.compact()
      open.reset()
      await eventually(() => expect(names()).toEqual(['b', 'c']))
      expect(events.slice(2).sort()).toEqual(['added c (list)', 'deleted a (list)'])
      expect(reflector.stats.relists).toBe(1)
    }
  })

  it('is not asked about by all replicas at once: the list waits for a random time', async () => {
    const slow = { ...timings, backoff: { baseMs: 400, capMs: 400, healthyMs: 1 } }
    const { fake, reflector, watch } = await following({ timings: slow, random: () => 0.5 })
    await reflector.synced()
    const open = await watch()
    const at = performance.now()
    open.error(410, 'Expired')
    await eventually(() => expect(fake.requests).toHaveLength(2))
    expect(performance.now() - at).toBeGreaterThan(190)
  })
})

describe('a list', () => {
  it('is not asked for again within a second, however often the history is said to be too old', async () => {
    const options = { random: () => 0, timings: { ...timings, listGapMs: 300 } }
    const started = performance.now()
    const { reflector } = await following(options, (server) => {
      server.streamingLists = false
      server.intercept(({ verb, query }) =>
        verb === 'watch' && !query['sendInitialEvents'] ? { status: 410, reason: 'Expired' } : undefined,
      )
    })
    await eventually(() => expect(reflector.stats.relists).toBeGreaterThanOrEqual(3))
    expect(performance.now() - started).toBeGreaterThan(3 * 300 - 50)
  })

  it('waits as long as the server asks, where it has too much to do', async () => {
    const { fake, reflector } = await following({ random: () => 0 }, (server) => {
      let refused = 0
      server.intercept(() => (refused++ === 0 ? { status: 429, retryAfter: '1' } : undefined))
    })
    const started = performance.now()
    await reflector.synced()
    expect(performance.now() - started).toBeGreaterThan(950)
    expect(fake.requests).toHaveLength(2)
  })
})

describe('W8: a handler that throws', () => {
  it('harms neither the other handlers nor the next events, and nothing is lost', async () => {
    const { fake, reflector, events, names, logger } = await following()
    await reflector.synced()
    const late: string[] = []
    reflector.onEvent(() => {
      throw new Error('handler at fault')
    })
    reflector.onEvent(({ object }) => late.push(object.metadata.name))
    fake.put(resources.configMaps, configMap('a'))
    fake.put(resources.configMaps, configMap('b'))
    await eventually(() => expect(late).toEqual(['a', 'b']))
    expect(events).toEqual(['added a', 'added b'])
    expect(names()).toEqual(['a', 'b'])
    expect(reflector.stats).toMatchObject({ handlerErrors: 2, failures: 0 })
    expect(logger.lines.join('\n')).toContain('cannot handle a change')
  })

  it('or a transform or indexer that does costs that one object only', async () => {
    const transform = (object: ConfigMap): ConfigMap => {
      if (object.metadata.name === 'bad') throw new Error('transform at fault')
      return object
    }
    const { fake, reflector, names } = await following({ transform }, (server) => {
      for (const name of ['bad', 'good']) server.put(resources.configMaps, configMap(name))
    })
    await reflector.synced()
    fake.put(resources.configMaps, configMap('later'))
    await eventually(() => expect(names()).toEqual(['good', 'later']))
    expect(reflector.stats.failures).toBe(0)
  })

  it('ends the process with stock client-node', async () => {
    const { fake } = await fakeCluster()
    fake.put(resources.configMaps, configMap('a'))
    const script = `
      import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node'
      const config = new KubeConfig()
      config.loadFromString(process.env.CONFIG)
      const api = config.makeApiClient(CoreV1Api)
      const path = '/api/v1/namespaces/shop/configmaps'
      const informer = makeInformer(config, path, () => api.listNamespacedConfigMap({ namespace: 'shop' }))
      informer.on('add', () => { throw new Error('handler at fault') })
      await informer.start()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, CONFIG: stockConfig(fake).exportConfig() },
      stdio: 'ignore',
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1)
  })
})

describe('W9: a malformed line', () => {
  it('is a broken stream: counted, and the watch is opened anew from where it was', async () => {
    const { fake, reflector, watch, again, names } = await following()
    await reflector.synced()
    const open = await watch()
    fake.put(resources.configMaps, configMap('a'))
    await eventually(() => expect(names()).toEqual(['a']))
    open.send('{"type":"MODIF')
    open.send('\n')
    await again(open)
    expect(reflector.stats).toMatchObject({ failures: 1, reconnects: 1, relists: 0 })
    expect(fake.requests.at(-1)?.query['resourceVersion']).toBe(String(fake.storage.version))
  })
})

describe('W10: an object deleted and recreated while nothing watched', () => {
  const recreate = (fake: FakeApiServer) => {
    fake.remove(resources.configMaps, { namespace: 'shop', name: 'a' })
    fake.put(resources.configMaps, configMap('a', { data: { second: '1' } }))
    fake.storage.compact()
  }

  it('is reported as deleted, then added', async () => {
    const { fake, reflector, watch, events } = await following({}, (server) =>
      server.put(resources.configMaps, configMap('a')),
    )
    await reflector.synced()
    const open = await watch()
    open.mute()
    recreate(fake)
    open.reset()
    await eventually(() => expect(events.slice(1)).toEqual(['deleted a (list)', 'added a (list)']))
  })

  it('is reported as updated by stock client-node', async () => {
    const { fake } = await fakeCluster()
    fake.put(resources.configMaps, configMap('a'))
    const config = stockConfig(fake)
    const api = config.makeApiClient(CoreV1Api)
    const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/shop/configmaps', () =>
      api.listNamespacedConfigMap({ namespace: 'shop' }),
    )
    const events: string[] = []
    informer.on('add', () => events.push('add'))
    informer.on('update', () => events.push('update'))
    informer.on('delete', () => events.push('delete'))
    onTestFinished(() => informer.stop())
    await informer.start()
    const open = await eventually(() => [...fake.watches][0]!)
    open.mute()
    recreate(fake)
    open.error(410, 'Expired')
    informer.on('error', () => undefined)
    open.reset()
    await informer.start()
    await eventually(() => expect(events.length).toBeGreaterThan(1))
    expect(events.slice(0, 2)).toEqual(['add', 'update'])
  })
})

describe('W16: many reconnects', () => {
  it('leave nothing behind: no connection, no watch, no listener', async () => {
    const { fake, client, reflector, watch, again, stop, running } = await following({ random: () => 0 })
    await reflector.synced()
    for (let round = 0; round < 60; round++) {
      const open = await watch()
      if (round % 3 === 0) open.reset()
      else if (round % 3 === 1) open.end()
      else open.error(410, 'Expired')
      await again(open)
    }
    await eventually(() => expect([fake.connections.open, fake.watches.size, client.stats.watches]).toEqual([1, 1, 1]))
    expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(2)
    stop.abort()
    await running
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
    await eventually(() => expect([fake.connections.open, client.stats.open]).toEqual([0, 0]))
  })
})

describe('expectations', () => {
  it('a write by this process is in the store before the watch brings it, and is reported when the watch does', async () => {
    const { fake, client, reflector, watch, events } = await following()
    await reflector.synced()
    const open = await watch()
    open.mute()
    const created = await client.create(resources.configMaps, configMap('a'))
    expect(reflector.store.get(created.metadata)).toBeUndefined()
    expect(reflector.store.insertIfNewer(created)).toBe(true)
    expect(reflector.store.get(created.metadata)?.metadata.uid).toBe(created.metadata.uid)
    expect(reflector.store.get(created.metadata)?.metadata).not.toHaveProperty('managedFields')
    expect(events).toEqual([])
    open.reset()
    await eventually(() => expect(events).toEqual(['updated a changed']))
    fake.remove(resources.configMaps, created.metadata)
    await eventually(() => expect(reflector.store.size).toBe(0))
    // The watch has passed it: it was deleted since.
    expect(reflector.store.insertIfNewer(created)).toBe(false)
  })

  it('an older state that the watch still has to bring does not undo it', async () => {
    const { fake, client, reflector, watch } = await following({}, (server) =>
      server.put(resources.configMaps, configMap('a')),
    )
    await reflector.synced()
    const open = await watch()
    const read = await client.get<ConfigMap>(resources.configMaps, { namespace: 'shop', name: 'a' })
    open.mute()
    const second = await client.replace(resources.configMaps, { ...read!, data: { v: '2' } })
    const third = await client.replace(resources.configMaps, { ...second, data: { v: '3' } })
    reflector.store.insertIfNewer(third)
    const seen: (string | undefined)[] = []
    reflector.onEvent(({ object }) => seen.push(object.data?.['v']))
    open.reset()
    await eventually(() => expect(seen).toEqual(['3']))
    expect(fake.requests.filter(({ verb }) => verb === 'watch')).toHaveLength(2)
  })
})

it('W14: half a million objects are listed without a RangeError', async () => {
  const { reflector } = await following()
  for (let index = 0; index < 500_000; index++) reflector.store.set(configMap(`m${index}`))
  expect(reflector.store.list()).toHaveLength(500_000)
})
