import { once } from 'node:events'
import { Agent } from 'node:https'
import { type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { startProbeServer } from '../../src/server/probes.ts'
import { eventually } from '../builders/eventually.ts'
import {
  answerOk,
  call,
  ending,
  openTcp,
  openTls,
  type RunningServer,
  startServer,
} from '../builders/running-server.ts'

let server: RunningServer
const sockets: Socket[] = []
const agents: Agent[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const agent of agents.splice(0)) agent.destroy()
  await server.stop()
})

/** A connection that is there and asks for nothing. */
async function hold(open: () => Socket, ready: 'connect' | 'secureConnect'): Promise<Socket> {
  const socket = open()
  socket.on('error', () => undefined)
  sockets.push(socket)
  await once(socket, ready)
  return socket
}
const holdTcp = (): Promise<Socket> => hold(() => openTcp(server.port), 'connect')
const holdTls = (): Promise<Socket> => hold(() => openTls(server.port), 'secureConnect')

/** A client that keeps its one connection; `socket` is the one that it has now. */
function keptClient(): { ask: (path?: string) => ReturnType<typeof call>; socket: () => Socket | undefined } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return {
    ask: async (path = '/') => {
      const answer = await call({ port: server.port, agent, path })
      // The agent has its socket back a moment after the answer.
      await sleep(1)
      return answer
    },
    socket: () => Object.values(agent.freeSockets).flatMap((free) => free ?? [])[0],
  }
}

describe('a server whose connections are all taken', () => {
  it('ends the oldest that has asked for nothing, before and after its handshake', async () => {
    server = await startServer({ limits: { connections: 2 } })
    const first = await holdTls()
    const second = await holdTcp()
    expect(await call({ port: server.port })).toMatchObject({ status: 200 })
    await eventually(() => expect(first.closed).toBe(true))
    expect(second.closed).toBe(false)
    await Promise.all([holdTls(), holdTls()])
    await eventually(() => expect(second.closed).toBe(true))
  })

  it('keeps one that was answered well, however many others come', async () => {
    server = await startServer({ limits: { connections: 8 } })
    const client = keptClient()
    await client.ask()
    const before = client.socket()
    for (let index = 0; index < 100; index += 1) await (index % 5 === 0 ? holdTls() : holdTcp())
    expect(await client.ask()).toMatchObject({ status: 200 })
    expect(before).toBeDefined()
    expect(client.socket()).toBe(before)
    expect(await call({ port: server.port })).toMatchObject({ status: 200 })
  })

  it('takes an answer that only confirms a copy for a good one', async () => {
    server = await startServer({
      limits: { connections: 2 },
      handler: (request, response) => {
        response.statusCode = request.url === '/known' ? 304 : 200
        response.end()
      },
    })
    const [confirmed, idle] = [keptClient(), keptClient()]
    await confirmed.ask('/known')
    await idle.ask()
    await confirmed.ask('/known')
    const [kept, gone] = [confirmed.socket(), idle.socket()]
    await holdTls()
    await eventually(() => expect(gone?.closed).toBe(true))
    expect(kept?.closed).toBe(false)
  })

  it('ends one whose requests were refused before one whose were not', async () => {
    server = await startServer({
      limits: { connections: 2 },
      handler: (request, response) => {
        response.statusCode = request.url === '/good' ? 200 : 404
        answerOk(request, response)
      },
    })
    const [good, bad] = [keptClient(), keptClient()]
    await good.ask('/good')
    for (let index = 0; index < 3; index += 1) await bad.ask('/bad')
    const socket = bad.socket()
    await holdTls()
    await eventually(() => expect(socket?.closed).toBe(true))
    expect(good.socket()?.closed).toBe(false)
  })

  it('ends the one that has been idle the longest where all were answered well', async () => {
    server = await startServer({ limits: { connections: 3 } })
    const clients = [keptClient(), keptClient(), keptClient()] as const
    for (const client of clients) await client.ask()
    await clients[0].ask()
    const held = clients.map((client) => client.socket())
    await holdTls()
    await eventually(() => expect(held[1]?.closed).toBe(true))
    expect([held[0]?.closed, held[2]?.closed]).toEqual([false, false])
  })

  it('turns the newcomer away only while all others are being answered', async () => {
    const finish: (() => void)[] = []
    server = await startServer({
      limits: { connections: 2 },
      handler: (request, response) => {
        if (request.url !== '/slow') answerOk(request, response)
        else finish.push(() => response.end('slow'))
      },
    })
    const clients = [keptClient(), keptClient()]
    for (const client of clients) await client.ask()
    const slow = clients.map((client) => client.ask('/slow'))
    await eventually(() => expect(finish).toHaveLength(2))
    await expect(call({ port: server.port })).rejects.toThrow()
    for (const end of finish) end()
    expect(await Promise.all(slow)).toMatchObject([{ body: 'slow' }, { body: 'slow' }])
    expect(await call({ port: server.port })).toMatchObject({ status: 200 })
  })

  it('answers good requests on kept and fresh connections while 2000 idle connections come', async () => {
    server = await startServer({ limits: { connections: 256 } })
    const client = keptClient()
    await client.ask()
    const before = client.socket()
    const progress = { flooding: true }
    const flood = (async () => {
      for (let index = 0; index < 2000; index += 1) {
        const socket = openTcp(server.port)
        socket.on('error', () => undefined)
        sockets.push(socket)
        if (index % 10 === 0) await sleep(1)
      }
      progress.flooding = false
    })()
    let answers = 0
    while (progress.flooding) {
      expect(await client.ask()).toMatchObject({ status: 200 })
      expect(await call({ port: server.port })).toMatchObject({ status: 200 })
      answers += 2
    }
    await flood
    expect(answers).toBeGreaterThanOrEqual(4)
    expect(client.socket()).toBe(before)
  })
})

it('answers probes while a peer holds all connections of the probe server', async () => {
  server = await startServer()
  const probes = await startProbeServer({
    port: 0,
    host: '127.0.0.1',
    ready: () => ({ ok: true, checks: [] }),
    logger: silentLogger,
  })
  for (let index = 0; index < 200; index += 1) await hold(() => openTcp(probes.port), 'connect')
  expect((await fetch(`http://127.0.0.1:${probes.port}/livez`)).status).toBe(200)
  const ends = sockets.map((socket) => ending(socket))
  await probes.close()
  await Promise.all(ends.slice(-1))
})
