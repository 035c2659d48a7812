import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Pod, TestCluster } from './cluster.ts'
import { identity, pod, serviceAccount } from './manifests.ts'

const namespace = 'e2e-waiting'

interface Event {
  type: string
  reason: string
  message: string
  involvedObject: { kind: string; name: string }
}

let test: TestCluster

beforeAll(async () => {
  test = await TestCluster.of()
  await test.namespace(namespace)
  await test.apply(...['late', 'early'].map((name) => serviceAccount(name, namespace)))
})

afterAll(() => test.leave(namespace))

const phase = async (name: string) => (await test.json<Pod>('-n', namespace, 'get', 'pod', name)).status.phase
const events = async (name: string) =>
  (await test.json<{ items: Event[] }>('-n', namespace, 'get', 'events')).items.filter(
    ({ involvedObject }) => involvedObject.kind === 'Pod' && involvedObject.name === name,
  )

describe('a pod that was created before its identity', () => {
  it('is told by an Event what it waits for, and starts by itself once that is applied', async () => {
    await test.apply(pod({ name: 'late', namespace }))
    const told = async () => (await events('late')).find(({ reason }) => reason === 'IdentityMissing')
    await test.eventually('the Event', async () => (await told()) !== undefined, 20_000)
    expect(await told()).toMatchObject({
      type: 'Warning',
      message:
        `waiting for ServiceIdentity ${namespace}/late: none exists; ` +
        "apply one with the name of the pod's service account",
    })
    expect(await phase('late')).toBe('Pending')
    const applied = performance.now()
    await test.apply(identity('late', namespace))
    await test.eventually('the pod to run', async () => (await phase('late')) === 'Running', 130_000)
    console.log(`from apply to Running, after about 5 s of waiting: ${Math.round(performance.now() - applied)} ms`)
    expect(await test.mounted(namespace, 'late')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  })
})

describe('a pod that is created together with its identity', () => {
  it('starts at once, and no Event says that it waits', async () => {
    const applied = performance.now()
    await test.apply(pod({ name: 'early', namespace }), identity('early', namespace))
    await test.eventually('the pod to run', async () => (await phase('early')) === 'Running')
    console.log(`from apply to Running, together: ${Math.round(performance.now() - applied)} ms`)
    expect((await events('early')).map(({ reason }) => reason)).not.toContain('IdentityMissing')
  })
})
