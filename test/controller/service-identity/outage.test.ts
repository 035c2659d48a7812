import { afterEach, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../src/api/v1alpha1/types.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../../src/kube/secrets/secret-codec.ts'
import { decodeToken } from '../../../src/tokens/decode.ts'
import { startIdentityController } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const names = Array.from({ length: 6 }, (_, index) => `service-${index}`)
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** The client of an API server that may be away: then no call is answered. */
function absentable(inner: MemoryKubeClient): { client: KubeClient; away: (is: boolean) => void } {
  let gone = false
  const client = new Proxy<KubeClient>(inner, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function' || name === 'watch') return method
      return (...parameters: unknown[]): unknown =>
        gone
          ? Promise.reject(
              new KubeError({ verb: String(name), resource: resources.secrets, status: 0, reason: 'Unreachable' }),
            )
          : Reflect.apply(method, target, parameters)
    },
  })
  return { client, away: (is) => void (gone = is) }
}

describe('an API server that is down', () => {
  it.each([1, 10, 25])(
    'I2: for %i minutes, at whatever moment, leaves no mounted token of an hour with less than two minutes',
    async (minutes) => {
      const memory = createMemoryKubeClient()
      const clock = new HeldClock()
      const { client, away } = absentable(memory)
      const controller = await startIdentityController({ client, clock })
      stops.push(() => controller.stop())
      const due = new Map<string, number>()
      for (const name of names) {
        const object = { metadata: { name, namespace: 'shop' }, spec: { tokens: [{ name: 'a', lifetime: '1h' }] } }
        const options = { fieldManager: 'test', force: true }
        await memory.apply<ServiceIdentity & KubeObject>(resources.serviceIdentities, object, options)
        due.set(`shop/${name}`, 0)
      }
      /** As the work queue does it: when due, and within 30 s after a failure. */
      const work = async (): Promise<void> => {
        for (const [key, at] of due) {
          if (at > clock.now()) continue
          const result = await controller.reconcile(key).catch(() => ({ requeueAfterMs: 30 * SECOND }))
          due.set(key, clock.now() + (result?.requeueAfterMs ?? HOUR))
        }
      }
      const leastLeft = async (): Promise<number> => {
        const { items } = await memory.list<Secret>(resources.secrets, { namespace: 'shop' })
        const left = items.map((secret) => {
          const { exp } = decodeToken(secretText(secret, 'token') ?? '').claims
          return Number(exp) * SECOND - clock.now()
        })
        expect(left).toHaveLength(names.length)
        return Math.min(...left)
      }
      await work()
      let worst = Number.POSITIVE_INFINITY
      // Outages begin just when renewals are due, which is after 24 to 30 minutes: that is when they hurt most.
      for (const calm of [24, 26, 28, 30]) {
        away(true)
        for (let passed = 0; passed < minutes * MINUTE; passed += 30 * SECOND) {
          clock.advance(30 * SECOND)
          await work()
          worst = Math.min(worst, await leastLeft())
        }
        away(false)
        // One failed try may have just been: the next comes 30 s later, and then all are well.
        for (let passed = 0; passed < calm * MINUTE; passed += 30 * SECOND) {
          clock.advance(30 * SECOND)
          await work()
          worst = Math.min(worst, await leastLeft())
          if (passed > 0) expect(await leastLeft()).toBeGreaterThan(29 * MINUTE)
        }
      }
      expect(worst).toBeGreaterThan(2 * MINUTE)
      // It was the outage that brought them there: without one, more than half an hour is left.
      expect(worst).toBeLessThanOrEqual((36 - minutes) * MINUTE)
    },
    60_000,
  )
})
