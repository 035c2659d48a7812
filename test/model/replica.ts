import { revocationIndexers } from '../../src/controller/revocation/revoked.ts'
import { components, selectorOf } from '../../src/api/v1alpha1/metadata.ts'
import type { ServiceIdentity, TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import type { Clock } from '../../src/time/clock.ts'
import { KeyRingReconciler } from '../../src/controller/key-ring/reconciler.ts'
import { stillOwner } from '../../src/controller/key-ring/still-owner.ts'
import { rememberRings } from '../../src/controller/key-ring/remember-rings.ts'
import type { ReconcileResult } from '../../src/controller/runtime/reconcile.ts'
import { ServiceIdentityReconciler } from '../../src/controller/service-identity/reconciler.ts'
import { WorkloadSecrets } from '../../src/controller/service-identity/workload-secret.ts'
import type { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../src/kube/keys/config-map-public-key-store.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { SecretKeyStore } from '../../src/kube/keys/secret-key-store.ts'
import { silentLogger } from '../../src/logger.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { namespace, settings, trustBundle } from '../builders/identity-controller.ts'
import { createMemoryKubeClient } from '../fakes/api-server-memory-client.ts'
import type { Storage } from '../fakes/api-server-storage.ts'
import { type Fault, FaultyClient } from './faulty-client.ts'
import { mutated } from './mutation.ts'
import { WatchCache } from './watch-cache.ts'

const metrics = createMetrics()

/** How a run of the reconciler went on, so far. */
export type RunOutcome =
  | { readonly state: 'done'; readonly result: ReconcileResult | undefined }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'paused' }

/** One process of the controller, of the real parts: it knows only what its watches have observed, and can be killed. */
export class Replica {
  readonly caches
  readonly #client: FaultyClient
  readonly #reconciler: ServiceIdentityReconciler
  readonly #afterRun: () => Promise<void>
  #run: Promise<RunOutcome> | undefined

  constructor(options: { storage: Storage; clock: Clock; generate: typeof generateSigningKey }) {
    const { storage, clock, generate } = options
    this.caches = {
      identities: new WatchCache<ServiceIdentity & KubeObject>(storage, 'serviceidentities'),
      rings: new WatchCache<Secret>(storage, 'secrets', { labelSelector: selectorOf(components.keyRing) }),
      publicKeys: new WatchCache<ConfigMap>(storage, 'configmaps', {
        labelSelector: selectorOf(components.publicKeys),
      }),
      secrets: new WatchCache<Secret>(storage, 'secrets', { labelSelector: selectorOf(components.identity) }),
    }
    const { identities, rings, publicKeys, secrets } = this.caches
    this.#client = new FaultyClient(mutated.client(createMemoryKubeClient(storage), storage))
    const { client } = this.#client
    const publicKeyStore = mutated.publicKeys(
      new ConfigMapPublicKeyStore({ client, store: publicKeys.store, namespace }),
    )
    this.#afterRun = publicKeyStore.afterRun
    const ringStore = new SecretKeyStore({ client, store: rings.store, namespace })
    const keyRings = new KeyRingReconciler({
      rings: ringStore,
      publicKeys: publicKeyStore.store,
      clock,
      generate,
      stillOwner: stillOwner(client),
    })
    rememberRings({ keyRings: rings, identities, rings: ringStore, trusted: keyRings.trusted })
    this.#reconciler = new ServiceIdentityReconciler({
      client,
      identities: identities.store,
      revocations: new Store<TokenRevocation & KubeObject>(revocationIndexers),
      keyRings,
      secrets: new WorkloadSecrets({ client, store: secrets.store, clock }),
      trustBundle: () => trustBundle,
      events: { record: () => undefined },
      nudges: { request: () => undefined, lags: () => false },
      settings,
      clock,
      logger: silentLogger,
      metrics,
    })
  }

  /** Whether a run is paused in the middle of a call. */
  get busy(): boolean {
    return this.#run !== undefined
  }

  get dead(): boolean {
    return this.#client.dead
  }

  /** One run of the reconciler, up to its end or its pause. */
  async reconcile(key: string, fault?: Fault): Promise<RunOutcome> {
    if (this.#run !== undefined) throw new TypeError('a key is never reconciled twice at the same time')
    this.#client.plan(fault)
    this.#run = this.#reconciler.reconcile(key, new AbortController().signal).then(
      async (result): Promise<RunOutcome> => {
        await this.#afterRun()
        return { state: 'done', result }
      },
      (error: unknown): RunOutcome => ({ state: 'failed', error }),
    )
    return this.#outcome()
  }

  /** Continues a paused run. */
  async resume(): Promise<RunOutcome> {
    this.#client.resume()
    return this.#outcome()
  }

  /** Ends the process; what it was waiting for never comes. */
  async kill(): Promise<void> {
    this.#client.kill()
    await this.#run
  }

  async #outcome(): Promise<RunOutcome> {
    const paused = this.#client.paused.then((): RunOutcome => ({ state: 'paused' }))
    const outcome = await Promise.race([this.#run ?? paused, paused])
    if (outcome.state !== 'paused') this.#run = undefined
    return outcome
  }
}
