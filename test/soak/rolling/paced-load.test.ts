import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { servingName } from '../../builders/serving-certificate.ts'
import { authority, startServer } from '../../builders/running-server.ts'
import { pacedLoad, servicesProgram } from './paced-load.ts'

const log = (): void => undefined
beforeAll(() => servicesProgram(log), 5 * 60_000)

const question = { path: '/token', headers: {}, body: 'abc', rightAnswer: 'ok' }

async function loadOn(handler: NonNullable<Parameters<typeof startServer>[0]>['handler']) {
  const server = await startServer(handler === undefined ? {} : { handler })
  onTestFinished(() => server.stop())
  const peer = { url: `https://127.0.0.1:${server.port}`, ca: authority.ca, servername: servingName }
  return pacedLoad({ peer, services: 2, perSecond: 100, questions: [question], leastSeconds: 0.3, log })
}

it('asks at its pace, over kept connections', async () => {
  const sockets = new Set<unknown>()
  const { latencies, failures, processors } = await loadOn((request, response) => {
    sockets.add(request.socket)
    response.end('ok')
  })
  // Not bounded from above: on a slow machine it goes on for longer.
  expect(latencies.length).toBeGreaterThanOrEqual(30)
  expect(failures).toEqual({})
  expect(sockets.size).toBe(2)
  expect(processors.all).toBeGreaterThan(0)
})

it('tells why a request failed, and not again where another connection answers', async () => {
  let asked = 0
  const { failures, failuresAfterRetry } = await loadOn((request, response) => {
    asked += 1
    // Not the first two, which make the connections.
    if (asked === 10) request.socket.destroy()
    else response.end('ok')
  })
  expect(Object.values(failures)).toEqual([1])
  expect(failuresAfterRetry).toEqual({})
})

it('counts answers that are wrong or none, at both attempts', async () => {
  const { latencies, failures, failuresAfterRetry } = await loadOn((request, response) => {
    request.resume()
    response.statusCode = 503
    response.end('busy')
  })
  const all = { '/token answered 503': latencies.length }
  expect(failures).toEqual(all)
  expect(failuresAfterRetry).toEqual(all)
})

it('goes on until what happens meanwhile is over, counts from when it began, and fails with it', async () => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const peer = { url: `https://127.0.0.1:${server.port}`, ca: authority.ca, servername: servingName }
  const load = { peer, services: 1, perSecond: 100, questions: [question], leastSeconds: 0, log }
  let over = false
  const began = performance.now()
  const { latencies } = await pacedLoad({
    ...load,
    settleSeconds: 1,
    meanwhile: async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      over = true
    },
  })
  expect(over).toBe(true)
  expect(latencies.length).toBeGreaterThan(0)
  // Without those of the first second.
  expect(latencies.length).toBeLessThan(((performance.now() - began) / 1000 - 0.9) * load.perSecond)
  const meanwhile = () => Promise.reject(new Error('no replica became ready'))
  await expect(pacedLoad({ ...load, meanwhile })).rejects.toThrow('no replica became ready')
})
