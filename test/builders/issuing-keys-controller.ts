import { components, selectorOf } from '../../src/api/v1alpha1/metadata.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { IssuingKeysReconciler, issuingKeysKey } from '../../src/controller/issuing-keys/reconciler.ts'
import { keyRequests } from '../../src/controller/issuing-keys/requests.ts'
import { KeyRingReconciler } from '../../src/controller/key-ring/reconciler.ts'
import { stillOwner } from '../../src/controller/key-ring/still-owner.ts'
import { rememberRings } from '../../src/controller/key-ring/remember-rings.ts'
import { revocationIndexers } from '../../src/controller/revocation/revoked.ts'
import { givenUp } from '../../src/controller/revocation/given-up.ts'
import { theAuthority } from '../../src/identity/key-owner.ts'
import { keyRingSecretName, publicKeysName } from '../../src/identity/workload.ts'
import type { KeyEncryptionKeys } from '../../src/keys/key-ring/encryption.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { EventDetails } from '../../src/kube/events/event-series.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../src/kube/keys/config-map-public-key-store.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { resources } from '../../src/kube/client/resource.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { SecretKeyStore } from '../../src/kube/keys/secret-key-store.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { recordingLogger } from '../fakes/api-server-fixture.ts'
import type { HeldClock } from '../fakes/held-clock.ts'
import { namespace, settled } from './identity-controller.ts'

export const issuingRingRef = { namespace, name: keyRingSecretName(theAuthority) }
export const issuingKeysRef = { namespace, name: publicKeysName(theAuthority) }

/** The part of one controller that keeps the issuing keys, over a client; it remembers nothing of another. */
export async function startIssuingKeys(options: {
  client: KubeClient
  clock: HeldClock
  encryption?: KeyEncryptionKeys
  issuingKeyEncryption?: KeyEncryptionKeys
}) {
  const { client, clock } = options
  const stop = new AbortController()
  const running: Promise<void>[] = []
  const watch = async <T extends KubeObject>(reflector: Reflector<T>): Promise<Store<T>> => {
    running.push(reflector.run(stop.signal))
    await reflector.synced()
    return reflector.store
  }
  const ringSource = new Reflector<Secret>({
    client,
    resource: resources.secrets,
    namespace,
    labelSelector: selectorOf(components.keyRing),
  })
  const identities = new Reflector<ServiceIdentity & KubeObject>({ client, resource: resources.serviceIdentities })
  const publicKeys = await watch(
    new Reflector<ConfigMap>({
      client,
      resource: resources.configMaps,
      namespace,
      labelSelector: selectorOf(components.publicKeys),
    }),
  )
  const rings = new SecretKeyStore({ ...options, store: ringSource.store, namespace })
  const configMap = () => publicKeys.get(issuingKeysRef)
  const keyRings = new KeyRingReconciler({
    rings,
    publicKeys: new ConfigMapPublicKeyStore({ client, store: publicKeys, namespace }),
    clock,
    generate: generateSigningKey,
    stillOwner: stillOwner(client),
    lossAccepted: givenUp(new Store(revocationIndexers), () => keyRequests(configMap()).revoked),
  })
  rememberRings({ keyRings: ringSource, identities, rings, trusted: keyRings.trusted })
  await watch(identities)
  await watch(ringSource)
  const events: EventDetails[] = []
  const logger = recordingLogger()
  const metrics = createMetrics()
  const reconciler = new IssuingKeysReconciler({
    keyRings,
    configMap,
    namespace,
    events: { record: (event) => void events.push(event) },
    clock,
    logger,
    metrics,
  })
  return {
    events,
    logger,
    metrics,
    keyRings,
    /** One run, after the watches have caught up with what was written before. */
    reconcile: async () => {
      await settled()
      return reconciler.reconcile(issuingKeysKey, AbortSignal.timeout(10_000))
    },
    stop: async () => {
      stop.abort()
      await Promise.all(running)
    },
  }
}
