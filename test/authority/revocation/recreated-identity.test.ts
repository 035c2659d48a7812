import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { components, selectorOf } from '../../../src/api/v1alpha1/metadata.ts'
import type { ServiceIdentity } from '../../../src/api/v1alpha1/types.ts'
import { DeletedIdentities } from '../../../src/authority/revocation/deleted-identities.ts'
import { VerificationKeys } from '../../../src/authority/verification/verification-keys.ts'
import { SECOND } from '../../../src/time/duration.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { type ConfigMap, leanPublicKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { PublishedKeyCache } from '../../../src/kube/keys/published-key-cache.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { silentLogger } from '../../../src/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { namespace, startIdentityController } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const name = { namespace: 'shop', name: 'orders' }
const sub = 'spiffe://cluster.local/ns/shop/sa/orders'

it.each([
  ['after the controller has seen that it was gone', false],
  ['before the controller looks', true],
])('I5: an identity that is deleted and made again, %s, revokes what the authority signed', async (_, atOnce) => {
  const client = createMemoryKubeClient()
  const clock = new HeldClock()
  const controller = await startIdentityController({ client, clock })
  const reflector = new Reflector<ConfigMap>({
    client,
    resource: resources.configMaps,
    namespace,
    labelSelector: selectorOf(components.publicKeys),
    transform: leanPublicKeys,
  })
  const source = new PublishedKeyCache({ reflector, namespace, logger: silentLogger })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  const known = new VerificationKeys({ source, logger: silentLogger, interval: 0 })
  const deleted = new DeletedIdentities({ keys: known, trustDomain: 'cluster.local', clock })
  onTestFinished(async () => {
    stop.abort()
    await running
    deleted.close()
    known.close()
    await controller.stop()
  })
  const apply = () =>
    client.apply<ServiceIdentity & KubeObject>(
      resources.serviceIdentities,
      { metadata: name, spec: {} },
      { fieldManager: 'test', force: true },
    )
  const reconciled = async (): Promise<void> => {
    for (let round = 0; round < 6; round += 1) {
      await sleep(20)
      await controller.reconcile('shop/orders').catch(() => undefined)
    }
  }
  await apply()
  await reconciled()
  await eventually(() => expect(known.exists(name)).toBe(true))
  const before = known.identities().get('shop/orders')
  const iat = clock.now() / SECOND
  clock.advance(60 * SECOND)
  await client.delete(resources.serviceIdentities, name)
  await client.delete(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
  if (!atOnce) await reconciled()
  await apply()
  await reconciled()
  await eventually(() => {
    const now = known.identities().get('shop/orders')
    expect(now).toBeDefined()
    expect(now).not.toBe(before)
  })
  expect(deleted.has({ keyID: 'own', claims: { sub, jti: 't', iat } })).toBe(true)
})
