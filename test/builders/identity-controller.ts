import { components, selectorOf } from '../../src/api/v1alpha1/metadata.ts'
import type { ServiceIdentity, TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import { KeyRingReconciler } from '../../src/controller/key-ring/reconciler.ts'
import type { KeyRingOptions } from '../../src/controller/key-ring/owner.ts'
import { stillOwner } from '../../src/controller/key-ring/still-owner.ts'
import { rememberRings } from '../../src/controller/key-ring/remember-rings.ts'
import { revocationIndexers } from '../../src/controller/revocation/revoked.ts'
import { givenUp } from '../../src/controller/revocation/given-up.ts'
import { RevocationReconciler } from '../../src/controller/revocation/reconciler.ts'
import { ServiceIdentityReconciler } from '../../src/controller/service-identity/reconciler.ts'
import type { TrustSettings } from '../../src/controller/service-identity/wanted.ts'
import { WorkloadSecrets } from '../../src/controller/service-identity/workload-secret.ts'
import type { KeyEncryptionKeys } from '../../src/keys/key-ring/encryption.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { EventDetails } from '../../src/kube/events/event-series.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../src/kube/keys/config-map-public-key-store.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { resources } from '../../src/kube/client/resource.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import type { Store } from '../../src/kube/cache/store.ts'
import { SecretKeyStore } from '../../src/kube/keys/secret-key-store.ts'
import { silentLogger } from '../../src/logger.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { HeldClock } from '../fakes/held-clock.ts'

export const namespace = 'signet-system'
export const trustBundle = '-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n'
export const settings: TrustSettings = {
  trustDomain: 'cluster.local',
  issuer: 'https://signet-authority.signet-system.svc',
  issuerScope: 'cluster',
  nudge: 'Urgent',
  allowedClaims: [],
}

/** One process of the controller over a client: watches of its own, nothing remembered from another. */
export async function startIdentityController(options: {
  client: KubeClient
  clock: HeldClock
  settings?: Partial<TrustSettings>
  /** Shown by the watch of identities in place of the one that is there: as by one that lags. */
  identity?: ServiceIdentity & KubeObject
  /** Whether a pod has not been nudged since then. */
  lags?: (key: string, since: number) => boolean
  encryption?: KeyEncryptionKeys
  lossAccepted?: KeyRingOptions['lossAccepted']
  stillOwner?: KeyRingOptions['stillOwner']
}) {
  const { client, clock } = options
  const stop = new AbortController()
  const running: Promise<void>[] = []
  const watch = async <T extends KubeObject>(reflector: Reflector<T>): Promise<Store<T>> => {
    running.push(reflector.run(stop.signal))
    await reflector.synced()
    return reflector.store
  }
  const secrets = (labelSelector: string) =>
    new Reflector<Secret>({ client, resource: resources.secrets, labelSelector })
  const identitySource = new Reflector<ServiceIdentity & KubeObject>({ client, resource: resources.serviceIdentities })
  const ringSource = secrets(selectorOf(components.keyRing))
  const identities = await watch(identitySource)
  if (options.identity !== undefined) identities.set(options.identity)
  const revocations = await watch(
    new Reflector<TokenRevocation & KubeObject>({
      client,
      resource: resources.tokenRevocations,
      indexers: revocationIndexers,
    }),
  )
  const publicKeys = await watch(
    new Reflector<ConfigMap>({
      client,
      resource: resources.configMaps,
      labelSelector: selectorOf(components.publicKeys),
    }),
  )
  const events: EventDetails[] = []
  const nudged: string[] = []
  const urgentlyNudged: string[] = []
  const rings = new SecretKeyStore({ client, store: ringSource.store, namespace, encryption: options.encryption })
  const keyRings = new KeyRingReconciler({
    rings,
    publicKeys: new ConfigMapPublicKeyStore({ client, store: publicKeys, namespace }),
    clock,
    generate: generateSigningKey,
    stillOwner: options.stillOwner ?? stillOwner(client),
    lossAccepted: options.lossAccepted ?? givenUp(revocations, () => new Set()),
  })
  rememberRings({ keyRings: ringSource, identities: identitySource, rings, trusted: keyRings.trusted })
  const metrics = createMetrics()
  await watch(ringSource)
  const reconciler = new ServiceIdentityReconciler({
    client,
    identities,
    revocations,
    keyRings,
    secrets: new WorkloadSecrets({ client, store: await watch(secrets(selectorOf(components.identity))), clock }),
    trustBundle: () => trustBundle,
    events: { record: (event) => void events.push(event) },
    nudges: {
      request: (key, wish) => {
        nudged.push(key)
        if (wish?.urgent === true) urgentlyNudged.push(key)
      },
      lags: options.lags ?? (() => false),
    },
    settings: { ...settings, ...options.settings },
    clock,
    logger: silentLogger,
    metrics,
  })
  const judge = new RevocationReconciler({
    client,
    revocations,
    identities,
    events: { record: (event) => void events.push(event) },
    clock,
    logger: silentLogger,
  })
  return {
    events,
    nudged,
    urgentlyNudged,
    /** One reconcile of a TokenRevocation, after the watches have caught up with what was written before. */
    judge: async (key: string) => {
      await settled()
      return judge.reconcile(key, AbortSignal.timeout(60_000))
    },
    metrics,
    /** One run, after the watches have caught up with what was written before. */
    reconcile: async (key: string) => {
      await settled()
      return reconciler.reconcile(key, AbortSignal.timeout(60_000))
    },
    stop: async () => {
      stop.abort()
      await Promise.all(running)
    },
  }
}

/** Lets watches of the in-memory API server deliver what has been written. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
