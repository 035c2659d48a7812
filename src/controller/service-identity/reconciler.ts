import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { parseIdentityKey } from '../../identity/service-identity.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { resources } from '../../kube/client/resource.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import type { Logger } from '../../logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { KeyRingBlockedError } from '../key-ring/owner.ts'
import type { KeyRingReconciler } from '../key-ring/reconciler.ts'
import { revocationsOf } from '../revocation/revoked.ts'
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'
import { failureOf } from './failure.ts'
import { issueTokens } from './issue-tokens.ts'
import type { Nudges } from './nudging.ts'
import type { Progress } from './progress.ts'
import { Report } from './report.ts'
import { writeStatus } from './status-writer.ts'
import { type TrustSettings, type Wanted, wantedOf } from './wanted.ts'
import type { WorkloadSecrets } from './workload-secret.ts'

interface ServiceIdentityOptions {
  readonly client: KubeClient
  readonly identities: Store<ServiceIdentity>
  /** With `revocationIndexers`. */
  readonly revocations: Store<TokenRevocation>
  readonly keyRings: KeyRingReconciler
  readonly secrets: WorkloadSecrets
  /** PEM certificates that workloads trust; undefined until the CA exists. */
  readonly trustBundle: () => string | undefined
  readonly events: EventSink
  /** Makes kubelet refresh the files of an identity's pods; `lags` finds a nudge that was lost. */
  readonly nudges: Nudges
  readonly settings: TrustSettings
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'tokensMinted' | 'keysRotated' | 'keyRingsRestored'>
}

/**
 * Brings one ServiceIdentity to the state that its spec and the clock ask for: the keys first, then the tokens in the
 * workload Secret, then the status. docs/design/walk-reconcile.md lists the files in the order of these steps.
 */
export class ServiceIdentityReconciler implements Reconciler {
  readonly #options: ServiceIdentityOptions
  readonly #report: Report

  constructor(options: ServiceIdentityOptions) {
    this.#options = options
    this.#report = new Report(options)
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { identities, revocations: store, settings, clock } = this.#options
    const name = parseIdentityKey(key)
    const identity = identities.get(name)
    if (identity === undefined || identity.metadata.deletionTimestamp !== undefined) {
      return this.#sweep(key, identity, signal)
    }
    const wanted = wantedOf(identity, { settings, revocations: revocationsOf(store, name), clock })
    const progress = await this.#progress(identity, wanted, signal)
    await writeStatus(identity, progress.outcome, this.#options, signal)
    this.#report.progress(identity, progress)
    const times = [progress.lookAgainAt, wanted.revoked.lookAgainAt].filter((time) => time !== undefined)
    if (times.length === 0) return undefined
    return { requeueAfterMs: Math.max(Math.min(...times) - clock.now(), 0) }
  }

  /** Deletes the keys of an identity that is gone; the garbage collector deletes its Secret. */
  async #sweep(
    key: string,
    identity: ServiceIdentity | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult | undefined> {
    const { client, keyRings, secrets } = this.#options
    const name = parseIdentityKey(key)
    // Read before the API server is asked: a ring that appears later belongs to an identity created meanwhile.
    const uid = identity?.metadata.uid ?? keyRings.uidOf(name)
    if (identity === undefined) {
      // The watch may lag behind the creation of the identity.
      const live = await client.get(resources.serviceIdentities, name, { signal })
      if (live !== undefined && live.metadata.deletionTimestamp === undefined) return { requeueAfterMs: SECOND }
    }
    await keyRings.sweep(name, signal, uid)
    secrets.forget(key)
    return undefined
  }

  /** The keys, then the tokens. Before a failure is retried, the status says what the user can do about it. */
  async #progress(identity: ServiceIdentity, wanted: Wanted, signal: AbortSignal): Promise<Progress> {
    const { keyRings, clock } = this.#options
    const { subject, issuer, invalid } = wanted
    const base = { subject, issuer, ...(invalid === undefined ? {} : { keysViolation: invalid }) }
    if (wanted.keys === undefined) return { outcome: base }
    try {
      const keys = await keyRings.reconcile(wanted.owner, wanted.keys, signal)
      this.#report.restored(identity, keys)
      if (invalid !== undefined) return { outcome: { ...base, ring: keys.ring }, keys }
      return await issueTokens(identity, wanted, keys, this.#options, signal)
    } catch (error) {
      if (error instanceof KeyRingBlockedError) {
        const { violation, lookAgainMs } = error
        const outcome = { subject, issuer, keysViolation: violation }
        return { outcome, lookAgainAt: clock.now() + lookAgainMs, blocked: violation }
      }
      const failure = failureOf(error, identity, clock.now())
      if (failure !== undefined) {
        await writeStatus(identity, { subject, issuer, ...failure }, this.#options, signal)
      }
      throw error
    }
  }
}
