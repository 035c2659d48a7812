import { X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { eventually } from '../builders/eventually.ts'
import { type Answer, authority, call, type RunningServer, startServer } from '../builders/running-server.ts'

const agents: Agent[] = []
const servers: RunningServer[] = []
afterAll(async () => {
  for (const agent of agents) agent.destroy()
  await Promise.all(servers.map((server) => server.stop()))
})

async function start(): Promise<{ server: RunningServer; agent: Agent }> {
  const server = await startServer()
  const agent = new Agent({ keepAlive: true })
  servers.push(server)
  agents.push(agent)
  return { server, agent }
}

it.concurrent(
  'changes its certificate under 200 requests a second, on fresh and kept connections, without a failure',
  async () => {
    const { server, agent } = await start()
    const answers: Promise<Answer>[] = []
    // A resumed session shows no certificate.
    const seen = new Set<string>()
    const sender = setInterval(() => {
      // One in ten begins with a handshake.
      const fresh = answers.length % 10 === 0
      const answer = call({ port: server.port, body: 'x', ...(fresh ? {} : { agent }) })
      answer.then(
        ({ serialNumber }) => serialNumber !== undefined && seen.add(serialNumber),
        () => undefined,
      )
      answers.push(answer)
    }, 5)
    await eventually(() => expect(seen.size).toBe(1))
    for (let round = 0; round < 4; round += 1) {
      const files = await authority.issue()
      const { serialNumber } = new X509Certificate(files['tls.crt'])
      await server.folder.write(files)
      await eventually(() => expect(seen).toContain(serialNumber))
      const wanted = answers.length + 50
      await eventually(() => expect(answers.length).toBeGreaterThan(wanted))
    }
    clearInterval(sender)
    const results = await Promise.allSettled(answers)
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
    const values = await Promise.all(answers)
    expect(values.filter(({ status }) => status !== 200)).toEqual([])
    expect(values.length).toBeGreaterThan(50)
    // The certificate from before and the four new ones were each seen by a client.
    expect(seen.size).toBe(5)
  },
)

it.concurrent('goes on with the old certificate on a kept connection, and shows the new one on the next', async () => {
  const { server, agent } = await start()
  const before = await call({ port: server.port, agent })
  const files = await authority.issue()
  await server.folder.write(files)
  const { serialNumber } = new X509Certificate(files['tls.crt'])
  await eventually(async () => expect((await call({ port: server.port })).serialNumber).toBe(serialNumber))
  expect((await call({ port: server.port, agent })).serialNumber).toBe(before.serialNumber)
})

it.concurrent('serves on with the last good certificate over a broken one, and is ready all the while', async () => {
  const { server } = await start()
  const before = await call({ port: server.port })
  await server.folder.write({ 'tls.crt': 'garbage', 'tls.key': 'garbage' })
  await sleep(100)
  expect(server.ready()).toBeUndefined()
  expect((await call({ port: server.port })).serialNumber).toBe(before.serialNumber)
})
