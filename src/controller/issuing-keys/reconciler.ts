import type { Clock } from '../../time/clock.ts'
import { HOUR } from '../../time/duration.ts'
import { theAuthority } from '../../identity/key-owner.ts'
import { publicKeysName } from '../../identity/workload.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Logger } from '../../logger.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import type { WantedKeys } from '../../policy/signing-key.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { maxUnboundLifetimeMs } from '../../tokens/check-claims.ts'
import { describeChanges } from '../key-ring/events.ts'
import { authorityOwner, KeyRingBlockedError } from '../key-ring/owner.ts'
import type { KeyOutcome, KeyRingReconciler } from '../key-ring/reconciler.ts'
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'
import { keyRequests } from './requests.ts'

/** The only key of this controller's queue. */
export const issuingKeysKey = 'authority'

/** The defaults of a ServiceIdentity, so that a verifier that accepts identities' tokens accepts these too. */
const wanted = {
  algorithm: 'ES256',
  rotationPeriod: 24 * HOUR,
  publishAhead: HOUR,
  longestUse: maxUnboundLifetimeMs,
} as const satisfies WantedKeys

interface IssuingKeysOptions {
  readonly keyRings: KeyRingReconciler
  /** The ConfigMap of the public keys, from the watch; users request rotations and revocations by its annotations. */
  readonly configMap: () => KubeObject | undefined
  readonly namespace: string
  readonly events: EventSink
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'keysRotated' | 'keyRingsRestored'>
}

/**
 * Keeps the ring of the issuing keys, which the authority signs with, as the rings of identities are kept. No resource
 * has a status for it: Events of the public ConfigMap, the log and the metrics of all keys report what happens.
 */
export class IssuingKeysReconciler implements Reconciler {
  readonly #options: IssuingKeysOptions
  /** The last reported reason. */
  #blocked: Reason | undefined

  constructor(options: IssuingKeysOptions) {
    this.#options = options
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { keyRings, configMap, clock } = this.#options
    try {
      const keys = await keyRings.reconcile(authorityOwner, { ...wanted, ...keyRequests(configMap()) }, signal)
      this.#blocked = undefined
      this.#report(keys)
      return keys.lookAgainAt === undefined
        ? undefined
        : { requeueAfterMs: Math.max(keys.lookAgainAt - clock.now(), 0) }
    } catch (error) {
      if (!(error instanceof KeyRingBlockedError)) throw error
      this.#reportBlocked(error.violation)
      return { requeueAfterMs: error.lookAgainMs }
    }
  }

  #report({ changes, restored }: KeyOutcome): void {
    const { logger, metrics } = this.#options
    for (const { keyID, change, reason } of changes) {
      metrics.keysRotated.inc({ change })
      logger.info('issuing key changed', { kid: keyID, change, reason })
    }
    if (restored?.fresh === true) {
      const { reason, message } = restored.violation
      metrics.keyRingsRestored.inc({ reason })
      logger.warn('key ring of the issuing keys restored', { reason })
      const note = `${message} and has been restored from memory`
      this.#record('Warning', { reason: Reason.KeyRingRestored, action: 'RestoreKeyRing', note })
    }
    const description = describeChanges(changes)
    if (description !== undefined) this.#record('Normal', description)
  }

  /** Once per reason. */
  #reportBlocked({ reason, message: note }: Violation): void {
    if (this.#blocked === reason) return
    this.#blocked = reason
    this.#options.logger.error('issuing keys blocked', { reason, what: note })
    this.#record('Warning', { reason, action: 'BlockKeys', note })
  }

  #record(type: 'Normal' | 'Warning', event: { reason: Reason; action: string; note: string }): void {
    const { namespace, events, configMap } = this.#options
    const metadata = configMap()?.metadata ?? { name: publicKeysName(theAuthority), namespace }
    events.record({ regarding: { apiVersion: 'v1', kind: 'ConfigMap', metadata }, type, ...event })
  }
}
