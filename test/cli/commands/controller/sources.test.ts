import { describe, expect, it, onTestFinished } from 'vitest'
import { controllerSources } from '../../../../src/cli/commands/controller/sources.ts'
import type { KubeObject } from '../../../../src/kube/client/object.ts'
import type { Reflector } from '../../../../src/kube/cache/reflector.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import type { Secret } from '../../../../src/kube/secrets/secret-codec.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { createMemoryKubeClient } from '../../../fakes/api-server-memory-client.ts'

const options = { namespace: 'signet-system', watchNamespaces: [], logger: silentLogger }

async function watched<T extends KubeObject>(reflector: Reflector<T>): Promise<T[]> {
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  await reflector.synced()
  return reflector.store.list()
}

describe("the controller's watches", () => {
  it('keep no Secret in memory that only claims by its labels to hold an identity', async () => {
    const client = createMemoryKubeClient()
    const labels = { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'identity' }
    const secret = (name: string, type: string) =>
      client.create<Secret>(resources.secrets, { metadata: { name, namespace: 'shop', labels }, type })
    await secret('big', 'Opaque')
    await secret('signet.orders', 'signet.dev/identity')
    const { workloadSecrets } = controllerSources({ client, ...options })
    expect((await watched(workloadSecrets)).map(({ metadata }) => metadata.name)).toEqual(['signet.orders'])
  })

  it('keep of the annotations of an identity the one that is read', async () => {
    const client = createMemoryKubeClient()
    const annotations = { 'signet.dev/rotate-key': 'now', big: 'x'.repeat(1000) }
    await client.create(resources.serviceIdentities, { metadata: { name: 'orders', namespace: 'shop', annotations } })
    const { identities } = controllerSources({ client, ...options })
    expect((await watched(identities)).map(({ metadata }) => metadata.annotations)).toEqual([
      { 'signet.dev/rotate-key': 'now' },
    ])
  })
})

describe("the controller's pods", () => {
  it('are kept without what is not read of them', async () => {
    const client = createMemoryKubeClient()
    const { metadata } = await client.create<KubeObject>(resources.pods, {
      metadata: {
        name: 'orders-1',
        namespace: 'shop',
        labels: { 'signet.dev/inject': 'true', app: 'orders' },
        annotations: { 'signet.dev/injected': 'orders', 'signet.dev/nudge': 't', big: 'x'.repeat(1000) },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'orders', uid: 'u' }],
      },
    })
    const { pods } = controllerSources({ client, ...options })
    const kept = await watched(pods)
    const { uid, resourceVersion, creationTimestamp } = metadata
    expect(kept).toStrictEqual([
      {
        metadata: {
          name: 'orders-1',
          namespace: 'shop',
          uid,
          resourceVersion,
          creationTimestamp,
          labels: { 'signet.dev/inject': 'true' },
          annotations: { 'signet.dev/injected': 'orders', 'signet.dev/nudge': 't' },
        },
      },
    ])
  })
})
