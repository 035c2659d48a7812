import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReadyWatch } from '../../bench/ready-watch.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { percentile } from '../soak/tally.ts'
import { TestCluster } from './cluster.ts'
import { identity } from './manifests.ts'

const namespace = 'e2e-apply'
const count = 200

let test: TestCluster
let client: HttpKubeClient
let watch: ReadyWatch

beforeAll(async () => {
  test = await TestCluster.of()
  await test.namespace(namespace)
  client = new HttpKubeClient(await loadConfig({ kubeconfig: test.cluster.kubeconfig }))
  watch = await ReadyWatch.start(client, namespace)
})

afterAll(async () => {
  await watch.stop()
  await client.close()
  await test.leave(namespace)
})

describe(`${count} identities, applied one after another`, () => {
  it('are each Ready, with their Secret, in less than a second as a rule and in two at most', async () => {
    const delays: number[] = []
    for (let index = 0; index < count; index += 1) {
      const name = `service-${index}`
      const began = performance.now()
      await client.create(resources.serviceIdentities, identity(name, namespace))
      await watch.ready(name, 10_000)
      expect(await client.get(resources.secrets, { namespace, name: `signet.${name}` })).toBeDefined()
      delays.push(performance.now() - began)
    }
    const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)]
    console.log(`from apply to Ready: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`)
    expect(p50).toBeLessThan(1000)
    expect(p99).toBeLessThan(2000)
  })
})
