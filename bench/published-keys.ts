import { randomUUID } from 'node:crypto'
import { generateSigningKey } from '../src/keys/signing-key.ts'
import type { HttpKubeClient } from '../src/kube/client/http-client.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../src/kube/keys/config-map-public-key-store.ts'
import { Store } from '../src/kube/cache/store.ts'
import { operatorNamespace } from '../test/chart/helm.ts'
import { inParallel } from './ready-watch.ts'

/** One ES256 key for each of the identities `bench/service-0` and so on, as the controller publishes it. */
export async function publishKeys(client: HttpKubeClient, count: number): Promise<void> {
  const store = new ConfigMapPublicKeyStore({ client, store: new Store<ConfigMap>(), namespace: operatorNamespace })
  await inParallel(
    Array.from({ length: count }, (_, index) => `service-${index}`),
    16,
    async (service) => {
      const { publicJwk } = await generateSigningKey('ES256', `spiffe://cluster.local/ns/bench/sa/${service}`)
      const wanted = { keys: [publicJwk], uid: randomUUID(), ringVersion: undefined }
      await store.put({ namespace: 'bench', name: service }, undefined, wanted)
    },
  )
}
