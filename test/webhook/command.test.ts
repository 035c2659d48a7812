import { Agent } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'vitest'
import { type Answer, authority, call, openTls } from '../builders/running-server.ts'
import { WebhookProcess } from '../builders/webhook-process.ts'
import { reviewOf } from '../builders/admission-review.ts'

const body = JSON.stringify(reviewOf())
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
const admit = (port: number, agent?: Agent): Promise<Answer> =>
  call({ port, path: '/mutate-pods?timeout=5s', headers, body, ...(agent === undefined ? {} : { agent }) })

// Side by side: each waits for processes, and the last one for a whole drain.
describe.concurrent('signet webhook, as a process', () => {
  it('lives without a certificate, is ready with one, and counts what it decides', async ({ expect }) => {
    const webhook = await WebhookProcess.start()
    try {
      expect(await webhook.probe('/livez')).toEqual({ status: 200, text: 'ok\n' })
      expect(await webhook.probe('/readyz')).toEqual({
        status: 503,
        text: 'certificate: does not exist yet\nnot ready\n',
      })
      await webhook.folder.write(await authority.issue())
      await webhook.untilReady()
      expect((await admit(webhook.port)).status).toBe(200)
      const metrics = await webhook.metrics()
      expect(metrics).toContain('signet_webhook_decisions_total{path="/mutate-pods",decision="injected"} 1\n')
      expect(metrics).toMatch(/signet_webhook_duration_seconds_count 1\n/)
      expect(metrics).toMatch(/signet_certificate_expiry_timestamp_seconds\{certificate="signet-webhook"\} 1\d{9}/)
    } finally {
      await webhook.stop()
    }
  })

  it('ends with a message where its port is taken', async ({ expect }) => {
    const taken = createServer()
    await new Promise((resolve) => taken.listen(0, () => resolve(undefined)))
    const { port } = taken.address() as AddressInfo
    try {
      await expect(WebhookProcess.start({ port })).rejects.toThrow('signet webhook ended with exit code 1')
    } finally {
      taken.close()
    }
  })

  it('keeps its memory while bodies without end are sent to it', { timeout: 180_000 }, async ({ expect }) => {
    const webhook = await WebhookProcess.start()
    try {
      await webhook.folder.write(await authority.issue())
      await webhook.untilReady()
      const resident: number[] = []
      for (let round = 0; round < 4; round += 1) {
        await Promise.all(Array.from({ length: 8 }, () => sendEndlessly(webhook.port)))
        resident.push(await webhook.residentMb())
      }
      // 32 bodies of up to 8 MiB were begun. What the first round took serves all others.
      expect(Math.max(...resident) - (resident[0] ?? 0)).toBeLessThan(96)
      expect((await admit(webhook.port)).status).toBe(200)
      expect(await webhook.metrics()).toMatch(/decision="(too-large|overloaded)"\} \d+/)
    } finally {
      await webhook.stop()
    }
  })

  it('loses no admission of 100 a second while a replica is told to stop', { timeout: 180_000 }, async ({ expect }) => {
    const drainMs = 5_000
    const [leaving, staying] = await Promise.all([WebhookProcess.start({ drainMs }), WebhookProcess.start({ drainMs })])
    const replicas = [leaving, staying]
    try {
      await Promise.all(replicas.map(async ({ folder }) => folder.write(await authority.issue())))
      await Promise.all(replicas.map((replica) => replica.untilReady()))
      const service = new Service(replicas)
      const failures: string[] = []
      let closing = 0
      let sent = 0
      const admitOnce = async (): Promise<void> => {
        sent += 1
        const { port, agent } = service.next()
        try {
          const { status, headers: received } = await admit(port, agent)
          if (status !== 200) failures.push(`answered ${status}`)
          if (received.connection === 'close') closing += 1
        } catch (error) {
          failures.push(String(error))
        }
      }
      const load = setInterval(() => void admitOnce(), 10)
      await expect.poll(() => sent, { timeout: 60_000 }).toBeGreaterThan(100)
      const exit = leaving.terminate()
      await expect.poll(() => leaving.isReady(), { timeout: 20_000 }).toBe(false)
      // Until every node has taken the replica out of its rules, it is still called, on new and on kept connections: here
      // until connections are told to end at their first answer, which happens in the second half of the drain.
      await expect.poll(() => closing, { timeout: 60_000 }).toBeGreaterThan(10)
      service.remove(leaving)
      expect(await exit, 'it ends by itself').toBe(0)
      await expect.poll(() => sent, { timeout: 60_000 }).toBeGreaterThan(500)
      clearInterval(load)
      await expect.poll(() => service.idle, { timeout: 20_000 }).toBe(true)
      expect(failures).toEqual([])
    } finally {
      await Promise.all(replicas.map((replica) => replica.stop()))
    }
  })
})

/** Sends blanks, 64 KiB at a time, until the server has had enough of them. */
function sendEndlessly(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = openTls(port)
    const part = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const send = (): void => {
      while (!socket.destroyed && socket.write(part));
    }
    socket.on('error', () => undefined)
    socket.on('drain', send)
    socket.on('close', () => resolve())
    socket.resume()
    socket.write(
      'POST /mutate-pods HTTP/1.1\r\nhost: webhook\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    send()
  })
}

/** A Service in front of replicas: takes them in turns, each with kept connections, as an API server does. */
class Service {
  private endpoints: { readonly replica: WebhookProcess; readonly port: number; readonly agent: Agent }[]
  private readonly agents: readonly Agent[]
  private turn = 0

  constructor(replicas: readonly WebhookProcess[]) {
    this.endpoints = replicas.map((replica) => ({
      replica,
      port: replica.port,
      agent: new Agent({ keepAlive: true, maxFreeSockets: 8 }),
    }))
    this.agents = this.endpoints.map(({ agent }) => agent)
  }

  next() {
    this.turn += 1
    const endpoint = this.endpoints[this.turn % this.endpoints.length]
    if (endpoint === undefined) throw new Error('no replica is left')
    return endpoint
  }

  remove(leaving: WebhookProcess): void {
    this.endpoints = this.endpoints.filter(({ replica }) => replica !== leaving)
  }

  /** Whether no request is under way. */
  get idle(): boolean {
    return this.agents.every(({ sockets }) => Object.keys(sockets).length === 0)
  }
}
