import { once } from 'node:events'
import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/time/duration.ts'
import { eventually } from '../builders/eventually.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import {
  authority,
  call,
  ending,
  openTls,
  type RunningServer,
  shortLimits,
  startServer,
} from '../builders/running-server.ts'

const servers: RunningServer[] = []
afterAll(() => Promise.all(servers.map((server) => server.stop())))

async function start(options: Parameters<typeof startServer>[0] = {}): Promise<RunningServer> {
  const server = await startServer(options)
  servers.push(server)
  return server
}

describe.concurrent('startTlsServer', () => {
  it('answers over TLS 1.3 with HTTP/1.1', async () => {
    const server = await start()
    expect(await call({ port: server.port, body: 'abc' })).toMatchObject({ status: 200, body: 'ok 3' })
    const socket = openTls(server.port, { ALPNProtocols: ['h2', 'http/1.1'] })
    await once(socket, 'secureConnect')
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual(['TLSv1.3', 'http/1.1'])
    socket.destroy()
  })

  it('answers over TLS 1.2', async () => {
    const server = await start()
    const socket = openTls(server.port, { maxVersion: 'TLSv1.2' })
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect((await ending(socket)).received).toMatch(/^HTTP\/1.1 200 /)
  })

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const server = await start()
    const socket = openTls(server.port, {
      minVersion: version,
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    // The alert comes from the server: the client would have gone on.
    expect((await ending(socket)).error?.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  })

  it('refuses a client that speaks nothing but HTTP/2', async () => {
    const server = await start()
    const socket = openTls(server.port, { ALPNProtocols: ['h2'] })
    expect((await ending(socket)).error?.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
  })

  it('answers a client that names no server (no SNI)', async () => {
    const server = await start()
    const socket = openTls(server.port, { servername: '', checkServerIdentity: () => undefined })
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect((await ending(socket)).received).toMatch(/^HTTP\/1.1 200 /)
  })

  it('listens before its certificate is there, says why it is not ready, and serves once it comes', async () => {
    const folder = await SecretFolder.create()
    const ends: number[] = []
    const server = await start({ folder, onCertificate: (notAfter) => ends.push(notAfter) })
    expect(server.ready()).toMatch(/does not exist yet/)
    await expect(call({ port: server.port })).rejects.toThrow()
    const notAfter = Math.floor((Date.now() + DAY) / 1000) * 1000
    await folder.write(await authority.issue({ notAfter }))
    await eventually(() => expect(server.ready()).toBeUndefined())
    expect(await call({ port: server.port })).toMatchObject({ status: 200 })
    expect(ends).toEqual([notAfter])
  })

  it('is not ready any more once its certificate has expired', async () => {
    let now = Date.now()
    const server = await start({ clock: { now: () => now, monotonic: () => performance.now() } })
    expect(server.ready()).toBeUndefined()
    now += DAY + HOUR
    expect(server.ready()).toBe('has expired')
  })

  it('rejects where its port is taken', async () => {
    const server = await start()
    await expect(start({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('answers 500 where the handler throws, and serves on', async () => {
    let broken = true
    const server = await start({
      handler: (_, response) => {
        if (broken) throw new Error('secret detail')
        response.end('ok')
      },
    })
    const failed = await call({ port: server.port })
    expect(failed.status).toBe(500)
    expect(failed.body).not.toContain('secret')
    broken = false
    expect(await call({ port: server.port })).toMatchObject({ status: 200 })
  })

  it('keeps a connection that is idle longer than headers and requests may take', async () => {
    const server = await start({ limits: { ...shortLimits, headersTimeout: 1_000, requestTimeout: 1_000 } })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await call({ port: server.port, agent })
    const [socket] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])
    // By the end of a connection whose headers never come, the limits have passed for the idle one too.
    const slow = openTls(server.port)
    slow.write('GET / HTTP/1.1\r\n')
    await ending(slow)
    expect(socket?.destroyed).toBe(false)
    expect(await call({ port: server.port, agent })).toMatchObject({ status: 200 })
    expect(Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])).toEqual([socket])
    agent.destroy()
  })

  it('ends a connection that is idle longer than its own time', async () => {
    const server = await start({ limits: { ...shortLimits, keepAliveTimeout: 100 } })
    const socket = openTls(server.port)
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    const { received, error } = await ending(socket)
    expect(received).toMatch(/^HTTP\/1.1 200 /)
    expect(error).toBeUndefined()
  })

  it('keeps idle connections longer than the 90 s of the API server by default', async () => {
    const server = await start()
    const { headers } = await call({ port: server.port, headers: { connection: 'keep-alive' } })
    expect(headers['keep-alive']).toBe('timeout=120')
  })

  it('closes at once, whatever is under way', async () => {
    const server = await start({ handler: () => undefined })
    const waiting = call({ port: server.port })
    const refused = expect(waiting).rejects.toThrow()
    await sleep(50)
    await server.close()
    await refused
    await expect(call({ port: server.port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
