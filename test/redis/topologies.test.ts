import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisCache } from '../../src/authority/shared-cache/redis/redis-cache.ts'
import { eventually } from '../builders/eventually.ts'
import { createCertificateAuthority, issue, readCertificate } from '../../tools/cluster/pki.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { closeCachesAfterEach, connected, connectedCache, openCache, patient } from './caches.ts'
import { RedisServer, type RedisServerOptions } from './redis-server.ts'

let directory = ''
beforeAll(async () => {
  directory = await temporaryDirectory('signet-redis')
})
afterAll(() => rm(directory, { recursive: true, force: true }))
closeCachesAfterEach()

/** A server of one test. */
async function start(options: Omit<RedisServerOptions, 'directory'> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ directory, ...options })
  onTestFinished(() => server.kill())
  return server
}

/** A server that has to wait for its turn may miss one or the other: this is a cache. */
function works(cache: RedisCache): Promise<void> {
  return eventually(async () => {
    const key = Math.random().toString(36)
    await cache.set(key, 'value', 60_000)
    expect(await cache.get(key)).toBe('value')
  })
}

/** What one cache says to another. */
async function hears(one: RedisCache, other: RedisCache): Promise<void> {
  const heard: string[] = []
  other.subscribe('news', (message) => void heard.push(message))
  await eventually(async () => {
    await one.publish('news', 'here')
    expect(heard).toContain('here')
  })
}

/** Files and texts of a CA, and of a certificate that serves both sides. */
async function createCertificates() {
  const pki = join(directory, 'pki')
  const ca = await createCertificateAuthority(pki)
  const names = { dnsNames: ['redis.internal'], addresses: ['127.0.0.1'] }
  const own = await issue(pki, { name: 'redis', commonName: 'redis', usage: 'both', ...names })
  const read = (file: string) => readFile(file, 'utf8')
  const [caText, { certificate, key }] = [await read(ca.certificateFile), await readCertificate(own)]
  const config = (port: number) => [
    ...['port 0', `tls-port ${port}`, 'tls-replication yes', `tls-ca-cert-file ${ca.certificateFile}`],
    ...[`tls-cert-file ${own.certificateFile}`, `tls-key-file ${own.keyFile}`],
  ]
  return { config, admin: { tls: { ca: caText, cert: certificate, key } }, shown: { ca: caText, certificate, key } }
}

describe('a Redis server', () => {
  it('is spoken to over TLS with our own certificate, and not where its certificate is another’s', async () => {
    const { config, admin, shown } = await createCertificates()
    const { ca, certificate, key } = shown
    const [port = 0] = await freePorts(1)
    await start({ port, admin, config: config(port) })
    const url = `rediss://127.0.0.1:${port}`
    const credentials = () => Promise.resolve(shown)
    const { cache } = await connectedCache(url, { credentials })
    await works(cache)
    await hears(cache, cache)
    await works((await connectedCache(`${url}?servername=redis.internal`, { credentials })).cache)

    const refused = async (reason: RegExp, at: string, given: object) => {
      const { cache: other } = openCache(at, { credentials: () => Promise.resolve(given) })
      await eventually(() => expect(other.degraded()).toMatch(reason))
      expect(await other.get('key')).toBeUndefined()
    }
    await refused(/CERT|SIGNATURE|ISSUER/, url, { certificate, key })
    await refused(/ERR_TLS_CERT_ALTNAME_INVALID/, `${url}?servername=other.internal`, shown)
    await refused(/unreachable/, url, { ca })
    await refused(/unreachable/, `redis://127.0.0.1:${port}`, {})
  })

  it('is shown a user with the rights of docs/operate/redis.md, and says what is wrong with others', async () => {
    const page = await readFile(join(projectDirectory, 'docs/operate/redis.md'), 'utf8')
    const [line = ''] = /^user signet .*$/m.exec(page) ?? []
    const server = await start({
      admin: { password: 'admins' },
      config: ['requirepass admins', line.replace('PASSWORD', 'swordfish')],
    })
    const url = server.url.replace('//', '//signet@')
    const { cache } = await connectedCache(url, { credentials: () => Promise.resolve({ password: 'swordfish' }) })
    await works(cache)
    await hears(cache, cache)
    expect(cache.degraded()).toBeUndefined()
    const { cache: wrong } = openCache(url, { credentials: () => Promise.resolve({ password: 'guess' }) })
    await eventually(() => expect(wrong.degraded()).toBe('redis is unreachable: WRONGPASS'))
    const { cache: nobody } = openCache(server.url)
    await eventually(() => expect(nobody.degraded()).toBe('redis is unreachable: NOAUTH'))
  })

  it('keeps databases apart', async () => {
    const server = await start()
    const [{ cache: first }, { cache: second }] = [
      await connectedCache(`${server.url}/1`, patient),
      await connectedCache(`${server.url}?db=2`, patient),
    ]
    await first.set('key', 'first', 60_000)
    expect([await first.get('key'), await second.get('key')]).toEqual(['first', undefined])
  })

  it('gives the same name to the same thing at every replica, and another for every issuer', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url, patient)
    const { cache: replica } = await connectedCache(server.url, patient)
    const { cache: foreign } = await connectedCache(server.url, { ...patient, issuer: 'https://other.test' })
    await cache.set('key', 'value', 60_000)
    expect([await replica.get('key'), await foreign.get('key')]).toEqual(['value', undefined])
    await foreign.set('key', 'theirs', 60_000)
    expect([await replica.get('key'), await foreign.get('key')]).toEqual(['value', 'theirs'])
    await hears(cache, replica)
    const keys = await server.admin.keys('*')
    expect(keys.every((key) => /^signet:v1:[A-Za-z0-9_-]{16}:key$/.test(key))).toBe(true)
    for (const key of keys) expect(await server.admin.pttl(key)).toBeGreaterThan(0)
  })
})

describe('a Redis Cluster', () => {
  it('serves all keys and messages, and goes on when a node has been replaced', { timeout: 180_000 }, async () => {
    const ports = await freePorts(6)
    const nodes = await Promise.all(
      ports.slice(0, 3).map((port, index) =>
        start({
          port,
          config: [
            ...[
              'cluster-enabled yes',
              `cluster-config-file nodes-${port}.conf`,
              `cluster-port ${ports[index + 3] ?? 0}`,
            ],
            ...['cluster-node-timeout 1000', 'cluster-require-full-coverage no'],
          ],
        }),
      ),
    )
    const [first, second, third] = nodes as [RedisServer, RedisServer, RedisServer]
    await first.admin.call('cluster', 'addslotsrange', 0, 5460)
    await second.admin.call('cluster', 'addslotsrange', 5461, 10922)
    await third.admin.call('cluster', 'addslotsrange', 10923, 16383)
    for (const index of [1, 2]) {
      await first.admin.call('cluster', 'meet', '127.0.0.1', ports[index] ?? 0, ports[index + 3] ?? 0)
    }
    for (const { admin } of nodes) {
      await eventually(async () => {
        const info = String(await admin.call('cluster', 'info'))
        expect(info).toContain('cluster_state:ok')
        expect(info).toContain('cluster_known_nodes:3')
      }, 60_000)
    }
    // One of the nodes is enough to find the others.
    const { cache } = await connectedCache(`redis+cluster://127.0.0.1:${third.port},127.0.0.1:1`, patient)
    const { cache: replica } = await connectedCache(`redis+cluster://127.0.0.1:1,127.0.0.1:${first.port}`, patient)
    const keys = Array.from({ length: 100 }, (_, n) => `key-${n}`)
    // A machine that is busy may miss one or the other: these are caches.
    await eventually(async () => {
      await Promise.all(keys.map((key) => cache.set(key, key, 60_000)))
      expect(await Promise.all(keys.map((key) => replica.get(key)))).toEqual(keys)
    }, 60_000)
    for (const { admin } of nodes) expect(await admin.dbsize()).toBeGreaterThan(10)
    await hears(cache, replica)

    await second.kill()
    // Now and then nothing is asked at all, where five in a row were for the node that is gone.
    await eventually(async () => {
      const found = await Promise.all(keys.map((key) => cache.get(key)))
      const served = found.filter((value) => value !== undefined).length
      expect(served).toBeGreaterThan(30)
      expect(served).toBeLessThan(100)
    }, 60_000)
    await second.start()
    await eventually(async () => {
      await Promise.all(keys.map((key) => cache.set(key, key, 60_000)))
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(keys)
    }, 60_000)
  })
})

describe('with TLS', () => {
  it('a Redis Cluster is spoken to, also where certificates name no addresses', async () => {
    const { config, admin, shown } = await createCertificates()
    const [port = 0, bus = 0] = await freePorts(2)
    const lines = [
      'cluster-enabled yes',
      `cluster-config-file nodes-${port}.conf`,
      `cluster-port ${bus}`,
      'tls-cluster yes',
      'cluster-announce-ip 127.0.0.1',
    ]
    const node = await start({ port, admin, config: [...config(port), ...lines] })
    await node.admin.call('cluster', 'addslotsrange', 0, 16383)
    await eventually(async () => {
      expect(String(await node.admin.call('cluster', 'info'))).toContain('cluster_state:ok')
    }, 60_000)
    const credentials = () => Promise.resolve(shown)
    for (const query of ['', '?servername=redis.internal']) {
      const { cache } = await connectedCache(`rediss+cluster://127.0.0.1:${port}${query}`, { credentials })
      await works(cache)
      await hears(cache, cache)
    }
    const { cache: wrong } = openCache(`rediss+cluster://127.0.0.1:${port}?servername=other`, { credentials })
    await eventually(() => expect(wrong.degraded()).toContain('redis is unreachable: ERR_TLS_CERT_ALTNAME_INVALID'))
  })

  it('Sentinels are asked, and the server they name', async () => {
    const { config, admin, shown } = await createCertificates()
    const [masterPort = 0, sentinelPort = 0] = await freePorts(2)
    await start({ port: masterPort, admin, config: config(masterPort) })
    const watch = `sentinel monitor group 127.0.0.1 ${masterPort} 1`
    await start({ port: sentinelPort, admin, sentinel: true, config: [...config(sentinelPort), watch] })
    const credentials = () => Promise.resolve(shown)
    const { cache } = await connectedCache(`rediss+sentinel://127.0.0.1:${sentinelPort}/group`, { credentials })
    await works(cache)
    await hears(cache, cache)
    const { cache: other } = openCache(`rediss+sentinel://127.0.0.1:${sentinelPort}/other`, { credentials })
    await eventually(() => expect(other.degraded()).toBe('redis is unreachable: no Sentinel knows a master'))
  })
})

describe('Redis behind Sentinels', () => {
  it('is found, and found again after a failover', { timeout: 180_000 }, async () => {
    const master = await start()
    const replica = await start({ config: [`replicaof 127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay 0'] })
    const sentinel = await start({
      sentinel: true,
      admin: { password: 'watch' },
      config: [
        ...['requirepass watch', `sentinel monitor group 127.0.0.1 ${master.port} 1`],
        ...['sentinel down-after-milliseconds group 300', 'sentinel failover-timeout group 2000'],
      ],
    })
    await eventually(async () => {
      expect(await replica.admin.info('replication')).toContain('master_link_status:up')
      expect(await sentinel.admin.call('sentinel', 'replicas', 'group')).toHaveLength(1)
    }, 60_000)
    const credentials = () => Promise.resolve({ sentinelPassword: 'watch' })
    const url = `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/group`
    const { cache } = await connectedCache(url, { credentials })
    await works(cache)
    await hears(cache, cache)
    expect(await master.admin.dbsize()).toBeGreaterThanOrEqual(1)
    const { cache: wrong } = openCache(url)
    await eventually(() => expect(wrong.degraded()).toBe('redis is unreachable: NOAUTH'))

    await master.kill()
    expect(await cache.get('key')).toBeUndefined()
    await eventually(() => works(cache), 60_000, 100)
    await connected(cache)
    expect(await replica.admin.info('replication')).toContain('role:master')
    await hears(cache, cache)
  })
})
