import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { CoreV1Api } from '@kubernetes/client-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { resources } from '../../../src/kube/client/resource.ts'
import { Transport } from '../../../src/kube/client/transport.ts'
import { eventually } from '../../builders/eventually.ts'
import { clientOf, fakeCluster, stockConfig, temporaryFile } from '../../fakes/api-server-fixture.ts'

const ref = { namespace: 'shop', name: 'orders' }
const secret = { metadata: ref }

describe('T1: connections', () => {
  it('are kept: hundreds of calls in a row need two at most', async () => {
    const { fake, client } = await fakeCluster()
    for (let call = 0; call < 200; call++) await client.get(resources.secrets, ref)
    expect(fake.requests).toHaveLength(200)
    // The next call is sent before the connection of the last one is known to be free.
    expect(fake.connections.made).toBeLessThanOrEqual(2)
    await eventually(() =>
      expect(client.stats).toMatchObject({ connections: fake.connections.made, open: fake.connections.open }),
    )
  })

  it('are at most sixteen, however many calls are made at once', async () => {
    const { fake, client } = await fakeCluster()
    let most = 0
    fake.intercept(() => {
      most = Math.max(most, fake.connections.open)
      return undefined
    })
    await Promise.all(Array.from({ length: 200 }, () => client.get(resources.secrets, ref)))
    expect(most).toBe(16)
    expect(fake.connections.made).toBe(16)
  })

  it('stock client-node makes one for every call', async () => {
    const { fake } = await fakeCluster()
    fake.put(resources.secrets, secret)
    const api = stockConfig(fake).makeApiClient(CoreV1Api)
    for (let call = 0; call < 10; call++) await api.readNamespacedSecret(ref)
    expect(fake.connections.made).toBe(10)
  })

  it('T5: a lease has one of its own, which no load holds up', async () => {
    const { fake, client } = await fakeCluster()
    const release = fake.intercept(({ collection }) => (collection === 'secrets' ? 'hang' : undefined))
    const stop = new AbortController()
    const hung = Array.from({ length: 40 }, () =>
      client.get(resources.secrets, ref, { signal: stop.signal }).catch(() => undefined),
    )
    await eventually(() => expect(fake.connections.open).toBe(16))
    await client.get(resources.leases, ref, { pool: 'lease', timeoutMs: 10_000 })
    expect(fake.connections.open).toBe(17)
    stop.abort()
    release()
    await Promise.all(hung)
  })

  it('of watches hold up no calls and no other watches', async () => {
    const { fake, client } = await fakeCluster()
    const stop = new AbortController()
    const watches = Array.from({ length: 20 }, () =>
      client
        .watch(resources.secrets, { timeoutSeconds: 60, resourceVersion: '1' }, () => undefined, stop.signal)
        .catch(() => undefined),
    )
    await eventually(() => expect(fake.watches.size).toBe(20))
    // The client counts a watch once it has its headers, a moment after the server has sent them.
    await eventually(() => expect(client.stats.watches).toBe(20))
    await client.get(resources.secrets, ref, { timeoutMs: 10_000 })
    stop.abort()
    await Promise.all(watches)
    // W16: nothing of an aborted watch stays open.
    await eventually(() => expect(fake.connections.open).toBe(1))
    await eventually(() => expect(client.stats).toMatchObject({ watches: 0, open: 1 }))
  })

  it('all end with the client', async () => {
    const { fake, client } = await fakeCluster()
    await client.get(resources.secrets, ref)
    await client.close()
    await eventually(() => expect(fake.connections.open).toBe(0))
    await expect(client.get(resources.secrets, ref)).rejects.toThrow('the client is closed')
  })
})

describe('T14: the token', () => {
  it('is read again after a 401, trimmed, and the call repeated once', async () => {
    const { fake } = await fakeCluster()
    const tokenFile = await temporaryFile('old\n')
    const client = clientOf({ ...fake.config, tokenFile })
    fake.tokens = new Set(['old'])
    await client.get(resources.secrets, ref)
    await writeFile(tokenFile, 'new\n')
    fake.tokens = new Set(['new'])
    await client.create(resources.secrets, secret)
    expect(fake.requests.map(({ token, status }) => `${token} ${status}`)).toEqual(['old 404', 'old 401', 'new 201'])
  })

  it('is not tried again where it has not changed', async () => {
    const { fake } = await fakeCluster()
    const client = clientOf({ ...fake.config, tokenFile: await temporaryFile('only') })
    fake.tokens = new Set(['other'])
    await expect(client.get(resources.secrets, ref)).rejects.toMatchObject({
      status: 401,
      code: 'ERR_KUBE_UNAUTHORIZED',
    })
    expect(fake.requests).toHaveLength(1)
  })

  it('of a watch is renewed the same way', async () => {
    const { fake } = await fakeCluster()
    const tokenFile = await temporaryFile('old')
    const client = clientOf({ ...fake.config, tokenFile })
    fake.tokens = new Set(['old'])
    await client.get(resources.secrets, ref)
    await writeFile(tokenFile, 'new')
    fake.tokens = new Set(['new'])
    const query = { timeoutSeconds: 1, resourceVersion: '1' }
    await client.watch(resources.secrets, query, () => undefined, new AbortController().signal)
    expect(fake.requests.map(({ status }) => status)).toEqual([404, 401, 200])
  })
})

describe('T15: the authority of the API server', () => {
  it('is compared again after a while; a new one replaces the connections and spares an open watch', async () => {
    const { fake } = await fakeCluster()
    const caFile = await temporaryFile(fake.config.ca ?? '')
    const client = clientOf({ ...fake.config, caFile }, { refreshMs: 0 })
    const seen: string[] = []
    const stop = new AbortController()
    const query = { timeoutSeconds: 60, resourceVersion: '1' }
    const watching = client
      .watch(resources.secrets, query, ({ object }) => void seen.push(object.metadata.name), stop.signal)
      .catch(() => undefined)
    await client.get(resources.secrets, ref)
    await eventually(() => expect(fake.watches.size).toBe(1))

    await writeFile(caFile, await fake.rotateCertificates())
    await client.create(resources.secrets, secret)
    expect(client.stats.rotations).toBe(1)
    await eventually(() => expect(seen).toEqual(['orders']))
    // The old connection for calls is closed; those of the watch and of the new pool are not.
    await eventually(() => expect(fake.connections.open).toBe(2))
    stop.abort()
    await watching
    await eventually(() => expect(fake.connections.open).toBe(1))
  })

  it('is read at once where its certificate does not verify, even for a create', async () => {
    const { fake } = await fakeCluster()
    const caFile = await temporaryFile(fake.config.ca ?? '')
    const client = clientOf({ ...fake.config, caFile })
    await client.get(resources.secrets, ref)
    const ca = await fake.rotateCertificates()
    await writeFile(caFile, ca)
    // Sixteen at once: one finds the old connection, the others need new ones.
    const created = Array.from({ length: 16 }, (_, index) =>
      client.create(resources.secrets, { metadata: { ...ref, name: `s${index}` } }),
    )
    await Promise.all(created)
    expect(fake.objects(resources.secrets)).toHaveLength(16)
  })

  it('that is unknown is refused, and the message says so', async () => {
    const { fake } = await fakeCluster()
    const strange = await fake.rotateCertificates()
    const client = clientOf(fake.config)
    await expect(client.get(resources.secrets, ref)).rejects.toMatchObject({ status: 0, reason: 'Unreachable' })
    expect(fake.requests).toEqual([])
    await expect(clientOf({ ...fake.config, ca: strange }).get(resources.secrets, ref)).resolves.toBeUndefined()
  })
})

describe('T18: a server without TLS', () => {
  it('is refused, as credentials would travel in the clear', () => {
    expect(() => new Transport({ server: 'http://10.0.0.1:8080', token: 'x' })).toThrow('unencrypted')
  })
})

describe('T16: a proxy of the kubeconfig', () => {
  it('carries every call through one tunnel a connection', async () => {
    const { fake } = await fakeCluster()
    const tunnels: string[] = []
    const proxy = createServer().on('connect', (request: IncomingMessage, socket: Socket) => {
      tunnels.push(request.url ?? '')
      const { port } = new URL(fake.url)
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(upstream).pipe(socket)
      })
      for (const one of [socket, upstream]) one.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    const { port } = proxy.address() as AddressInfo
    const client = clientOf({ ...fake.config, proxyUrl: `http://127.0.0.1:${port}` })
    for (let call = 0; call < 20; call++) await client.get(resources.secrets, ref)
    await client.watch(
      resources.secrets,
      { timeoutSeconds: 1, resourceVersion: '1' },
      () => undefined,
      new AbortController().signal,
    )
    expect(tunnels.length).toBeLessThanOrEqual(3)
    expect(new Set(tunnels)).toEqual(new Set([new URL(fake.url).host]))
    expect(fake.requests).toHaveLength(21)
  })
})
