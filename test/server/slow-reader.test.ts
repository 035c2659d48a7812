import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent } from 'node:https'
import { connect, type Socket } from 'node:net'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { startProbeServer } from '../../src/server/probes.ts'
import { call, ending, openTls, type RunningServer, startServer } from '../builders/running-server.ts'

/** More than the buffers of both kernels hold. */
const large = Buffer.alloc(32 * 1024 * 1024, 'x')
const responseTimeout = 600
const get = 'GET /large HTTP/1.1\r\nhost: a\r\n\r\n'
/** How long a connection is waited for that should close, in milliseconds: one that is put off never does. */
const patience = 30_000

let server: RunningServer
/**
 * When each connection on which this test has asked for the large body has closed, in milliseconds from the last asking.
 * Those of the test before close when they like.
 */
let closed: number[] = []
beforeAll(async () => {
  server = await startServer({ limits: { responseTimeout }, handler: answerLarge })
})
afterAll(() => server.stop())

/** From now on a server looks for slow readers only where the test moves the time. */
function holdTime(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
}

function answerLarge(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  if (request.url !== '/large') {
    response.end('ok')
    return
  }
  const began = performance.now()
  const ofThisTest = closed
  request.socket.once('close', () => ofThisTest.push(performance.now() - began))
  response.end(large)
}

const sockets: Socket[] = []
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
afterEach(() => {
  closed = []
  for (const socket of sockets.splice(0)) socket.destroy()
})
afterAll(() => agent.destroy())

/** A connection that sends these requests and reads nothing. */
async function neverReading(text: string, { port } = server): Promise<Socket> {
  const socket = openTls(port)
  socket.on('error', () => undefined)
  sockets.push(socket)
  await once(socket, 'secureConnect')
  socket.pause()
  socket.write(text)
  return socket
}

async function closings(count: number): Promise<readonly number[]> {
  const end = performance.now() + patience
  while (closed.length < count && performance.now() < end) await sleep(10)
  return closed
}

describe('a TLS server whose answers are not read', () => {
  it('closes the connection when the time is up, and serves others on their connections throughout', async () => {
    await neverReading(get)
    const good = (): Promise<{ status: number }> => call({ port: server.port, method: 'GET', agent })
    const began = performance.now()
    while (closed.length === 0 && performance.now() - began < patience) {
      expect((await good()).status).toBe(200)
      await sleep(20)
    }
    expect(closed).toHaveLength(1)
    expect(closed[0]).toBeGreaterThan(responseTimeout * 0.8)
  })

  it('is not put off by more requests on the same connection', async () => {
    const socket = await neverReading(get)
    const asking = setInterval(() => void socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'), 50)
    const [took] = await closings(1)
    clearInterval(asking)
    expect(took).toBeLessThan(patience)
  })

  it('is not put off by a peer that reads a little now and then', async () => {
    const socket = await neverReading(get)
    let read = 0
    const reading = setInterval(() => (read += (socket.read(1024) as Buffer | null)?.length ?? 0), 50)
    const [took] = await closings(1)
    clearInterval(reading)
    expect(read).toBeGreaterThan(0)
    expect(took).toBeLessThan(patience)
  })

  it('lets a peer rest before it reads, and rest for longer between answers that it has read', async () => {
    holdTime()
    const answered = Promise.withResolvers<undefined>()
    const handler = (request: IncomingMessage, response: ServerResponse): void => {
      answerLarge(request, response)
      answered.resolve(undefined)
    }
    const resting = await startServer({ limits: { responseTimeout }, handler })
    onTestFinished(() => resting.stop())
    const socket = await neverReading(get, resting)
    await answered.promise
    vi.advanceTimersByTime(responseTimeout * 0.9)
    let length = 0
    socket.on('data', (part: Buffer) => (length += part.length))
    socket.resume()
    while (length < large.length && !socket.destroyed) await sleep(10)
    vi.advanceTimersByTime(responseTimeout * 100)
    const before = length
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'data')
    expect(length).toBeGreaterThan(before)
    expect(closed).toEqual([])
  })
})

it('a probe server closes a connection on which its figures are not read', async () => {
  holdTime()
  const figures = large.toString('latin1')
  const asked = Promise.withResolvers<undefined>()
  const render = () => {
    asked.resolve(undefined)
    return Promise.resolve(figures)
  }
  const probes = await startProbeServer({
    port: 0,
    host: '127.0.0.1',
    ready: () => ({ ok: true, checks: [] }),
    metrics: { contentType: 'text/plain', render },
    logger: silentLogger,
    responseTimeout,
  })
  try {
    const socket = connect({ port: probes.port, host: '127.0.0.1' })
    sockets.push(socket)
    socket.pause()
    socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n')
    await asked.promise
    // The answer is written in this turn of the event loop, and its time begins with the next look.
    await setImmediate()
    vi.advanceTimersByTime(responseTimeout * 2)
    // What the kernels hold is still there; the rest never comes.
    const { received } = await ending(socket.resume())
    expect(received.length).toBeLessThan(large.length)
  } finally {
    await probes.close()
  }
})
