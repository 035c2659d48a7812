import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { eventually } from '../builders/eventually.ts'
import { type ProbeServer, startProbeServer } from '../../src/server/probes.ts'
import {
  call,
  ending,
  openTcp,
  openTls,
  type RunningServer,
  shortLimits,
  startServer,
} from '../builders/running-server.ts'

/** Nothing may hold a connection longer than this: more than the short limits of these tests, less than the usual ones. */
const longest = 9_000

let server: RunningServer
beforeAll(async () => {
  server = await startServer({ limits: shortLimits })
})
afterAll(() => server.stop())

/** A new request on a new connection, after whatever was done to the server. */
async function expectServing(): Promise<void> {
  expect(await call({ port: server.port, body: 'x' })).toMatchObject({ status: 200, body: 'ok 1' })
}

describe.concurrent('a TLS server', () => {
  it('ends a connection that never shakes hands', async () => {
    const { received, afterMs } = await ending(openTcp(server.port))
    expect(received).toBe('')
    expect(afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('ends a handshake that stops half way', async () => {
    const socket = openTcp(server.port)
    // A record header that promises a ClientHello of 512 bytes.
    socket.write(Buffer.from('1603010200', 'hex'))
    expect((await ending(socket)).afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('ends a TLS connection on which nothing is asked', async () => {
    expect((await ending(openTls(server.port))).afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('ends plain HTTP without an answer', async () => {
    const socket = openTcp(server.port)
    socket.write('POST /mutate-pods HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}')
    const { received, afterMs } = await ending(socket)
    expect(received).not.toContain('HTTP/')
    expect(afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('ends random bytes before and after the handshake', async () => {
    const plain = openTcp(server.port)
    plain.write(randomBytes(64 * 1024))
    const encrypted = openTls(server.port)
    encrypted.write(randomBytes(64 * 1024))
    const endings = await Promise.all([ending(plain), ending(encrypted)])
    expect(Math.max(...endings.map(({ afterMs }) => afterMs))).toBeLessThan(longest)
    expect(endings[1].received).toMatch(/^(HTTP\/1.1 4\d\d |$)/)
    await expectServing()
  })

  it('answers 408 to headers that come byte by byte, however long they go on', async () => {
    const socket = openTls(server.port)
    const ended = ending(socket)
    socket.write('POST / HTTP/1.1\r\n')
    const drip = setInterval(() => void socket.write('a'), 20)
    const { received, afterMs } = await ended
    clearInterval(drip)
    expect(received).toMatch(/^HTTP\/1.1 408 [^]*connection: close/i)
    expect(afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('answers 408 to a body that comes byte by byte', async () => {
    const socket = openTls(server.port)
    const ended = ending(socket)
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n')
    const drip = setInterval(() => void socket.write('a'), 20)
    const { received, afterMs } = await ended
    clearInterval(drip)
    expect(received).toMatch(/^HTTP\/1.1 408 /)
    expect(afterMs).toBeLessThan(longest)
    await expectServing()
  })

  it('answers 431 to headers over 16 KiB', async () => {
    const socket = openTls(server.port)
    socket.write(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(17 * 1024)}\r\n\r\n`)
    expect((await ending(socket)).received).toMatch(/^HTTP\/1.1 431 /)
    await expectServing()
  })

  it.each([
    ['a length beside chunks', 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef'],
    ['a length that is no number', 'content-length: five\r\n\r\nabcde'],
    ['a chunk whose size is no number', 'transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n'],
    ['a line feed within a header', 'x: a\n\rb\r\n\r\n'],
  ])('answers 400 to %s, and reads nothing after it', async (_, rest) => {
    const socket = openTls(server.port)
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\n${rest}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`)
    const { received } = await ending(socket)
    expect(received).toMatch(/^HTTP\/1.1 400 /)
    expect(received.match(/HTTP\/1.1/g)).toHaveLength(1)
    await expectServing()
  })

  it('answers what was asked in full by a client that then ends its half', async () => {
    const socket = openTls(server.port)
    socket.end('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}')
    expect((await ending(socket)).received).toMatch(/^HTTP\/1.1 200 [^]*ok 2$/)
    await expectServing()
  })

  it('survives peers that reset in the middle of everything', async () => {
    const beginnings = [
      '',
      'POST',
      'POST / HTTP/1.1\r\n',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc',
    ]
    const sockets = [false, true].flatMap((encrypted) => beginnings.map((text) => ({ encrypted, text })))
    await Promise.all(
      sockets.map(async ({ encrypted, text }) => {
        const tcp = openTcp(server.port)
        const socket = encrypted ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp
        tcp.on('error', () => undefined)
        socket.on('error', () => undefined)
        const closed = once(tcp, 'close')
        socket.write(text)
        await sleep(50)
        // Closed with unread bytes and without a farewell.
        tcp.resetAndDestroy()
        await closed
      }),
    )
    await expectServing()
  })
})

describe('a TLS server with 500 idle and slow connections', () => {
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  it('answers a good request in 50 ms', async () => {
    const crowded = await startServer({
      limits: { handshakeTimeout: 60_000, headersTimeout: 60_000, requestTimeout: 60_000 },
    })
    try {
      for (let index = 0; index < 490; index += 1) sockets.push(openTcp(crowded.port))
      for (let index = 0; index < 10; index += 1) {
        const socket = openTls(crowded.port)
        socket.write('POST / HTTP/1.1\r\n')
        sockets.push(socket)
      }
      for (const socket of sockets) socket.on('error', () => undefined)
      await Promise.all(sockets.slice(490).map((socket) => once(socket, 'secureConnect')))
      // The best of many: this machine may be busy with other tests, the server is what is judged.
      await eventually(async () => {
        const began = performance.now()
        await call({ port: crowded.port, body: 'x' })
        expect(performance.now() - began).toBeLessThan(50)
      })
    } finally {
      await crowded.stop()
    }
  })

  it('takes no more connections than its limit, and takes new ones once the idle are gone', async () => {
    const handshakeTimeout = 4_000
    const small = await startServer({ limits: { ...shortLimits, connections: 20, handshakeTimeout } })
    try {
      const endings = Array.from({ length: 40 }, () => {
        const socket = openTcp(small.port)
        sockets.push(socket)
        return ending(socket)
      })
      const ends = await Promise.all(endings)
      // The first half goes when the others come, and those when their handshake is overdue.
      expect(ends.filter(({ afterMs }) => afterMs >= handshakeTimeout - 500)).toHaveLength(20)
      expect(await call({ port: small.port })).toMatchObject({ status: 200 })
    } finally {
      await small.stop()
    }
  })
})

describe('a plain probe server', () => {
  let probes: ProbeServer
  beforeAll(async () => {
    probes = await startProbeServer({
      port: 0,
      host: '127.0.0.1',
      ready: () => ({ ok: true, checks: [] }),
      logger: silentLogger,
    })
  })
  afterAll(() => probes.close())

  it('ends a TLS handshake and serves on', async () => {
    const socket = connectTls({ port: probes.port, host: '127.0.0.1', rejectUnauthorized: false })
    expect((await ending(socket)).error).toBeDefined()
    const asked = request({ port: probes.port, host: '127.0.0.1', path: '/livez', agent: false }).end()
    const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume: () => void }]
    answer.resume()
    expect(answer.statusCode).toBe(200)
  })
})

it('answers on a connection that sends many requests at once, one after another', async () => {
  const socket = openTls(server.port)
  socket.write(
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx'.repeat(20) +
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  )
  expect((await ending(socket)).received.match(/HTTP\/1.1 200/g)).toHaveLength(21)
})
