import { IssuingKeyRing } from '../../src/authority/token/issuing-key-ring.ts'
import { components, selectorOf } from '../../src/api/v1alpha1/metadata.ts'
import type { Clock } from '../../src/time/clock.ts'
import { IssuingKeysReconciler, issuingKeysKey } from '../../src/controller/issuing-keys/reconciler.ts'
import { keyRequests } from '../../src/controller/issuing-keys/requests.ts'
import { KeyRingReconciler } from '../../src/controller/key-ring/reconciler.ts'
import { stillOwner } from '../../src/controller/key-ring/still-owner.ts'
import { rememberRings } from '../../src/controller/key-ring/remember-rings.ts'
import { revocationIndexers } from '../../src/controller/revocation/revoked.ts'
import { givenUp } from '../../src/controller/revocation/given-up.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { DAY, HOUR, SECOND } from '../../src/time/duration.ts'
import { authorityUid } from '../../src/identity/key-owner.ts'
import { revokeKeyAnnotation, rotateKeyAnnotation } from '../../src/identity/workload.ts'
import { decodeKeyRing } from '../../src/keys/key-ring/codec.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import {
  type ConfigMap,
  ConfigMapPublicKeyStore,
  publishedKeys,
} from '../../src/kube/keys/config-map-public-key-store.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { ringText, SecretKeyStore } from '../../src/kube/keys/secret-key-store.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { silentLogger } from '../../src/logger.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { issuingKeysRef, issuingRingRef } from '../builders/issuing-keys-controller.ts'
import { namespace } from '../builders/identity-controller.ts'
import { createMemoryKubeClient } from '../fakes/api-server-memory-client.ts'
import { Storage } from '../fakes/api-server-storage.ts'
import { HeldClock } from '../fakes/held-clock.ts'
import type { AuthorityStep, Who } from './issuing-keys-steps.ts'
import { type Fault, FaultyClient } from './faulty-client.ts'
import { keySupply } from './key-supply.ts'
import { Ledger } from './ledger.ts'
import { WatchCache } from './watch-cache.ts'

const metrics = createMetrics()
/** How long a watch of a controller may be silent before it is replaced: nobody reconciles by an older view. */
const longestLag = 150 * SECOND
/** Runs that a leader may need until nothing is left to be done, each after having heard of everything. */
const tries = 6

function caches(storage: Storage) {
  return {
    rings: new WatchCache<Secret>(storage, 'secrets', { labelSelector: selectorOf(components.keyRing) }),
    publicKeys: new WatchCache<ConfigMap>(storage, 'configmaps', { labelSelector: selectorOf(components.publicKeys) }),
  }
}

/** One process of the controller: the part that keeps the issuing keys. */
class Controller {
  readonly caches
  readonly faulty: FaultyClient
  readonly #reconciler: IssuingKeysReconciler
  #run: Promise<number | undefined | Error> | undefined

  constructor(storage: Storage, clock: Clock, generate: ReturnType<typeof keySupply>) {
    this.caches = caches(storage)
    const { rings, publicKeys } = this.caches
    this.faulty = new FaultyClient(createMemoryKubeClient(storage))
    const { client } = this.faulty
    const ringStore = new SecretKeyStore({ client, store: rings.store, namespace })
    const configMap = () => publicKeys.store.get(issuingKeysRef)
    const keyRings = new KeyRingReconciler({
      rings: ringStore,
      publicKeys: new ConfigMapPublicKeyStore({ client, store: publicKeys.store, namespace }),
      clock,
      generate,
      stillOwner: stillOwner(client),
      lossAccepted: givenUp(new Store(revocationIndexers), () => keyRequests(configMap()).revoked),
    })
    const identities = new WatchCache<ServiceIdentity & KubeObject>(storage, 'serviceidentities')
    rememberRings({ keyRings: rings, identities, rings: ringStore, trusted: keyRings.trusted })
    this.#reconciler = new IssuingKeysReconciler({
      keyRings,
      configMap,
      namespace,
      events: { record: () => undefined },
      clock,
      logger: silentLogger,
      metrics,
    })
  }

  get busy(): boolean {
    return this.#run !== undefined
  }

  /** When to look again, in milliseconds; an Error where the run failed; 'paused' while it is paused. */
  reconcile(fault?: Fault): Promise<number | undefined | Error | 'paused'> {
    this.faulty.plan(fault)
    this.#run = this.#reconciler.reconcile(issuingKeysKey, new AbortController().signal).then(
      (result) => result?.requeueAfterMs,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    )
    return this.#outcome()
  }

  resume(): Promise<number | undefined | Error | 'paused'> {
    this.faulty.resume()
    return this.#outcome()
  }

  async kill(): Promise<void> {
    this.faulty.kill()
    await this.#run
  }

  async #outcome(): Promise<number | undefined | Error | 'paused'> {
    const paused = this.faulty.paused.then(() => 'paused' as const)
    const outcome = await Promise.race([this.#run ?? paused, paused])
    if (outcome !== 'paused') this.#run = undefined
    return outcome
  }
}

/** One replica of the authority: its real keys, by watches that may be silent. */
class Issuer {
  readonly caches
  readonly keys: IssuingKeyRing
  #observed: number | undefined
  readonly #clock: Clock

  constructor(storage: Storage, clock: Clock) {
    this.caches = caches(storage)
    this.#clock = clock
    this.#observed = clock.monotonic()
    const { rings, publicKeys } = this.caches
    const opened = new WeakMap<Secret, ReturnType<typeof decodeKeyRing>>()
    const served = new WeakMap<ConfigMap, ReturnType<typeof publishedKeys>>()
    const nobody = () => () => undefined
    this.keys = new IssuingKeyRing({
      source: {
        ring: () => {
          const secret = rings.store.get(issuingRingRef)
          if (secret === undefined) return undefined
          const ring = opened.get(secret) ?? decodeKeyRing(ringText(secret))
          opened.set(secret, ring)
          return ring
        },
        confirmedAt: () => this.#observed,
        onChange: (callback) => (rings.onEvent(callback), nobody()),
      },
      served: {
        issuingKeys: () => {
          const configMap = publicKeys.store.get(issuingKeysRef)
          if (configMap === undefined) return []
          const keys = served.get(configMap) ?? publishedKeys(configMap) ?? []
          served.set(configMap, keys)
          return keys
        },
        onChange: (callback) => (publicKeys.onEvent(callback), nobody()),
      },
      clock,
      logger: silentLogger,
    })
  }

  hear(watch: 'rings' | 'publicKeys'): void {
    this.caches[watch].hear()
    if (watch === 'rings') this.#observed = this.#clock.monotonic()
  }
}

/** A cluster in which only the issuing keys matter. */
export class AuthorityWorld {
  readonly ledger: Ledger
  readonly #storage = new Storage()
  /** True time. */
  readonly #clock = new HeldClock()
  readonly #generate = keySupply()
  readonly #errors = { A: 0, B: 0, authority: 0 }
  readonly #controllers: Record<Who, Controller>
  #issuer: Issuer
  #foreign = false
  /** Whether another client has ever deleted the public keys. */
  #taken = false
  #requests = 0
  readonly #times: number[] = []

  constructor() {
    this.ledger = new Ledger({
      time: () => this.#clock.now(),
      wall: () => this.#clock.now(),
      publishAhead: () => HOUR,
      livingUid: () => authorityUid,
      setBackMeanwhile: () => false,
      foreign: () => this.#foreign,
    })
    this.#storage.onChange((change) => {
      this.#times[this.#storage.history.length - 1] = this.#clock.now()
      this.ledger.note(change)
    })
    this.#controllers = { A: this.#controller('A'), B: this.#controller('B') }
    this.#issuer = new Issuer(this.#storage, this.#clockOf('authority'))
  }

  async do(step: AuthorityStep): Promise<void> {
    switch (step.does) {
      case 'wait':
        this.#clock.advance(step.time)
        break
      case 'clock error':
        this.#errors[step.who] = step.error
        break
      case 'lead':
        await this.#lead(step.who, step.runs)
        break
      case 'reconcile':
        if (!this.#controllers[step.who].busy) await this.#reconcile(step.who, step.fault)
        break
      case 'resume':
        if (this.#controllers[step.who].busy) await this.#controllers[step.who].resume()
        break
      case 'restart':
        if (step.who === 'authority') this.#issuer = new Issuer(this.#storage, this.#clockOf('authority'))
        else {
          await this.#controllers[step.who].kill()
          this.#controllers[step.who] = this.#controller(step.who)
        }
        break
      case 'hear':
        if (step.who === 'authority') this.#issuer.hear(step.watch)
        else this.#controllers[step.who].caches[step.watch].hear()
        break
      case 'issue':
        if (step.informed) this.#inform()
        this.#issue()
        break
      case 'ask for rotation':
      case 'revoke':
      case 'delete public ConfigMap':
        this.#byPeople(step)
    }
    this.ledger.ask()
  }

  /**
   * Whether everything is well again once nothing fails any more. After another client deleted the public keys while the
   * leader observed nothing, a ring that has changed since is blocked until the controllers are restarted, as the log says.
   */
  async recover(): Promise<void> {
    await this.#lead('A', 1)
    this.#inform()
    if (this.#issuer.keys.active() === undefined && this.#taken) {
      for (const who of ['A', 'B'] as const) await this.do({ does: 'restart', who })
      await this.#lead('A', 1)
      this.#inform()
    }
    if (this.#issuer.keys.active() === undefined)
      this.ledger.violations.push('I7: the authority has no key to issue with')
    this.#issue()
  }

  #inform(): void {
    for (const watch of ['rings', 'publicKeys'] as const) this.#issuer.hear(watch)
  }

  #issue(): void {
    const keyID = this.#issuer.keys.active()?.signer.keyID
    if (keyID === undefined) return
    // By the clock of the replica, which may be wrong.
    const issuedAt = this.#clock.now() + this.#errors.authority
    this.ledger.issued({ keyID, issuedAt, expiresAt: issuedAt + HOUR })
  }

  #byPeople(step: Extract<AuthorityStep, { does: 'ask for rotation' | 'revoke' | 'delete public ConfigMap' }>): void {
    const configMap = this.#storage.list('configmaps', { namespace })[0] as ConfigMap | undefined
    if (configMap === undefined) return
    if (step.does === 'delete public ConfigMap') {
      this.#foreign = this.#taken = true
      this.#storage.delete('configmaps', issuingKeysRef)
      this.#foreign = false
      return
    }
    const annotations = { ...configMap.metadata.annotations }
    if (step.does === 'ask for rotation') annotations[rotateKeyAnnotation] = String((this.#requests += 1))
    else {
      // In the order in which they were first published: kids are another's each time.
      const label = (kid: string) => this.ledger.sets.key(kid)?.label ?? ''
      const kids = (publishedKeys(configMap) ?? []).map(({ kid }) => kid)
      const kid = kids.sort((one, other) => label(one).localeCompare(label(other)))[step.which % kids.length] ?? ''
      annotations[revokeKeyAnnotation] = kid
      this.ledger.revoked(kid)
    }
    this.#storage.replace('configmaps', { ...configMap, metadata: { ...configMap.metadata, annotations } }, 'user')
  }

  #clockOf(who: Who | 'authority'): Clock {
    return { now: () => this.#clock.now() + this.#errors[who], monotonic: () => this.#clock.now() }
  }

  #controller(who: Who): Controller {
    return new Controller(this.#storage, this.#clockOf(who), this.#generate)
  }

  async #reconcile(who: Who, fault?: Fault): Promise<number | undefined | Error | 'paused'> {
    const controller = this.#controllers[who]
    for (const cache of Object.values(controller.caches)) {
      const { missing } = cache
      if (missing !== undefined && this.#clock.now() - (this.#times[missing] ?? 0) > longestLag) cache.list()
    }
    const outcome = await controller.reconcile(fault)
    if (controller.faulty.dead) this.#controllers[who] = this.#controller(who)
    return outcome
  }

  /** A controller that hears of all in time, and reconciles whenever it asked to. */
  async #lead(who: Who, runs: number): Promise<void> {
    for (let run = 1; run <= runs; run += 1) {
      const requeueAfterMs = await this.#settle(who)
      if (this.ledger.violations.length > 0 || requeueAfterMs === undefined || run === runs) return
      this.#clock.advance(Math.min(requeueAfterMs, 7 * DAY))
      this.ledger.ask()
    }
  }

  async #settle(who: Who): Promise<number | undefined> {
    let last: unknown
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const controller = this.#controllers[who]
      if (controller.busy) await controller.resume()
      for (const cache of Object.values(this.#controllers[who].caches)) cache.hear()
      last = await this.#reconcile(who)
      if (typeof last === 'number' || last === undefined) return last
    }
    this.ledger.violations.push(`I7: ${who} does not settle: ${String(last)}`)
    return undefined
  }
}
