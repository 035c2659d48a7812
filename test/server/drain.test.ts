import { once } from 'node:events'
import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually } from '../builders/eventually.ts'
import {
  type Answer,
  answerOk,
  call,
  ending,
  openTcp,
  openTls,
  type RunningServer,
  shortLimits,
  startServer,
} from '../builders/running-server.ts'

const servers: RunningServer[] = []
afterAll(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function start(options: Parameters<typeof startServer>[0] = {}): Promise<RunningServer> {
  const server = await startServer(options)
  servers.push(server)
  return server
}

/** Whether the port takes connections: `connected`, or the code of the error. A request would be one more under way. */
async function connecting(port: number): Promise<string | undefined> {
  const socket = openTcp(port)
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    socket.destroy()
  }
}

describe.concurrent('drain', () => {
  it('fails no request under load: serves until no request arrives, ending each connection with an answer', async () => {
    const leaving = await start()
    const staying = await start()
    const agent = new Agent({ keepAlive: true })
    let endpoints = [leaving, staying]
    const answers: Promise<Answer>[] = []
    const sender = setInterval(() => {
      const { port } = endpoints[answers.length % endpoints.length]!
      answers.push(call({ port, agent, body: 'x' }))
    }, 5)
    const more = async (count: number): Promise<void> => {
      const wanted = answers.length + count
      await eventually(() => expect(answers.length).toBeGreaterThan(wanted))
    }
    await more(40)
    const drained = leaving.drain(3_000)
    // As slow as endpoints are that still have to hear of it.
    await more(100)
    endpoints = [staying]
    await drained
    await more(20)
    clearInterval(sender)
    const results = await Promise.allSettled(answers)
    agent.destroy()
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
    expect((await Promise.all(answers)).filter(({ status }) => status !== 200)).toEqual([])
    expect(answers.length).toBeGreaterThan(60)
    await expect(call({ port: leaving.port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('tells kept connections to end one after another, each with an answer, and still takes new ones', async () => {
    let now = 0
    const server = await start({ clock: { now: () => now, monotonic: () => now } })
    const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true }))
    /** Which of them are told to end with the answer that they get now. */
    const leaving = async (): Promise<number[]> => {
      const answers = await Promise.all(agents.map((agent) => call({ port: server.port, agent })))
      return answers.flatMap(({ headers }, index) => (headers.connection === 'close' ? [index] : []))
    }
    expect(await leaving()).toEqual([])
    const drained = server.drain(1_000)
    expect(await leaving()).toEqual([])
    now = 350
    const early = await leaving()
    expect(early.length).toBeGreaterThanOrEqual(2)
    expect(early.length).toBeLessThanOrEqual(6)
    now = 600
    expect(await leaving()).toHaveLength(8)
    expect((await call({ port: server.port })).status).toBe(200)
    await drained
    agents.forEach((agent) => agent.destroy())
  })

  it('ends a connection that has grown old with an answer, so that a new replica gets its share', async () => {
    let now = 0
    const server = await start({ clock: { now: () => now, monotonic: () => now }, limits: { connectionAge: 1000 } })
    const agent = new Agent({ keepAlive: true })
    const connectionHeader = async () => (await call({ port: server.port, agent })).headers.connection
    expect(await connectionHeader()).toBe('keep-alive')
    now = 700
    expect(await connectionHeader()).toBe('keep-alive')
    now = 1200
    expect(await connectionHeader()).toBe('close')
    // Over another one.
    expect(await connectionHeader()).toBe('keep-alive')
    agent.destroy()
  })

  it('answers what is under way before it resolves', async () => {
    const [begun, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    const server = await start({
      handler: (request, response) => {
        begun.resolve(undefined)
        void release.promise.then(() => answerOk(request, response))
      },
    })
    const answer = call({ port: server.port, body: 'abc' })
    await begun.promise
    let isDrained = false
    const drained = server.drain(50).then(() => (isDrained = true))
    await eventually(async () => expect(await connecting(server.port)).toBe('ECONNREFUSED'))
    expect(isDrained).toBe(false)
    release.resolve(undefined)
    expect(await answer).toMatchObject({ status: 200, body: 'ok 3' })
    await drained
  })

  it('ends idle connections and does not wait for their peers', async () => {
    const server = await start()
    const socket = openTls(server.port)
    const ended = ending(socket)
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'data')
    await server.drain(0)
    expect((await ended).error).toBeUndefined()
  })

  it('waits for a handshake that never ends no longer than a request may take, and for none when closing', async () => {
    const limits = { handshakeTimeout: 120_000, headersTimeout: 300, requestTimeout: 300 }
    const server = await start({ limits })
    const other = await start({ limits })
    const sockets = [openTcp(server.port), openTcp(other.port)]
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    // Connections wait to be accepted until then.
    await sleep(50)
    const began = performance.now()
    const ends = sockets.map((socket) => ending(socket))
    await Promise.all([server.drain(0), other.close(), ...ends])
    expect(performance.now() - began).toBeLessThan(limits.handshakeTimeout / 4)
  })

  it('waits for a request that never ends no longer than a request may take', async () => {
    const begun = Promise.withResolvers<undefined>()
    const server = await start({ handler: () => begun.resolve(undefined), limits: shortLimits })
    const failed = expect(call({ port: server.port })).rejects.toThrow()
    await begun.promise
    await server.drain(0)
    await failed
  })
})
