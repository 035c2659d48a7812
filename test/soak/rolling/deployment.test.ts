import { EventEmitter, once } from 'node:events'
import { expect, it } from 'vitest'
import type { ServerProcess } from '../../../bench/server-process.ts'
import { Deployment } from './deployment.ts'

/** Replicas on the ports 1 and 2, those that are added on 3 and so on. One that was told to leave does so unrouted. */
function deploymentOfTwo() {
  /** In order: `1+2` is that connections go to 1 and 2 from now on. */
  const events: string[] = []
  const routes = new EventEmitter()
  let routed = [1, 2]
  const replica = (port: number): ServerProcess => ({
    port,
    end: async (signal) => {
      events.push(`${signal} ${port}`)
      while (signal === 'SIGTERM' && routed.includes(port)) await once(routes, 'changed')
      events.push(`${port} gone`)
    },
    stop: () => Promise.resolve(),
    residentMb: () => Promise.resolve(0),
    cpuSeconds: () => Promise.resolve(0),
  })
  let started = 2
  const deployment = new Deployment({
    replicas: routed.map(replica),
    proxy: {
      route: (ports) => {
        routed = [...ports]
        events.push(ports.join('+'))
        routes.emit('changed')
        return Promise.resolve()
      },
    },
    startReplica: () => {
      started += 1
      events.push(`${started} ready`)
      return Promise.resolve(replica(started))
    },
    endpointLagMs: 20,
    minReadyMs: 60,
  })
  return { deployment, events }
}

it('routes to one more once it is ready', async () => {
  const { deployment, events } = deploymentOfTwo()
  await deployment.add()
  expect(events).toEqual(['3 ready', '1+2+3'])
})

it('starts one beside them, which nothing goes to', async () => {
  const { deployment, events } = deploymentOfTwo()
  await deployment.startBeside()
  expect(events).toEqual(['3 ready', 'SIGKILL 3', '3 gone'])
})

it('deletes the oldest: told to leave first, without new connections after that', async () => {
  const { deployment, events } = deploymentOfTwo()
  await deployment.delete()
  expect(events).toEqual(['SIGTERM 1', '3 ready', '1+2+3', '2+3', '1 gone'])
})

it('kills the oldest while connections still go to it', async () => {
  const { deployment, events } = deploymentOfTwo()
  await deployment.kill()
  expect(events).toEqual(['SIGKILL 1', '1 gone', '2', '3 ready', '2+3'])
})

it('rolls all that were there, none leaving before another is available', async () => {
  const { deployment, events } = deploymentOfTwo()
  await deployment.roll()
  // Two are ready, and a third, whenever one is told to leave; the next one later than the endpoint of the last goes.
  expect(events.slice(0, 5)).toEqual(['3 ready', '1+2+3', 'SIGTERM 1', '4 ready', '1+2+3+4'])
  expect(events.indexOf('SIGTERM 2')).toBeGreaterThan(events.indexOf('2+3+4'))
  expect(events.filter((event) => event.endsWith('gone'))).toEqual(['1 gone', '2 gone'])
  expect(events.filter((event) => event.includes('+')).at(-1)).toBe('3+4')
  expect(deployment.leftSeconds).toHaveLength(2)
})
