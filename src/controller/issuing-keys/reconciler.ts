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
import { authorityOwner, KeyRingHeldError } from '../key-ring/owner.ts'
import type { KeyOutcome, KeyRingReconciler } from '../key-ring/reconciler.ts'
import type { ReconcileResult } from '../runtime/reconcile.ts'
import { describeChanges } from '../service-identity/events.ts'
import { keyRequests } from './requests.ts'

/** The one key of this controller's queue. */
export const authorityKeysKey = 'authority'

/** As identities have it by default; a verifier that takes those tokens takes these. */
const wanted = {
  algorithm: 'ES256',
  rotationPeriod: 24 * HOUR,
  publishAhead: HOUR,
  longestUse: maxUnboundLifetimeMs,
} as const satisfies WantedKeys

interface AuthorityKeysOptions {
  readonly keyRings: KeyRingReconciler
  /** The public ConfigMap as last seen: what people ask for stands in its annotations. */
  readonly configMap: () => KubeObject | undefined
  readonly namespace: string
  readonly events: EventSink
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'keysRotated' | 'keyRingsRestored'>
}

/**
 * Keeps the key ring that the authority signs with, as identities' rings are kept. There is no resource whose status
 * could tell of it: Events of the public ConfigMap do, the log, and the metrics of all keys.
 */
export class AuthorityKeysReconciler {
  private readonly options: AuthorityKeysOptions
  private held: Reason | undefined

  constructor(options: AuthorityKeysOptions) {
    this.options = options
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { keyRings, configMap, clock } = this.options
    try {
      const keys = await keyRings.reconcile(authorityOwner, { ...wanted, ...keyRequests(configMap()) }, signal)
      this.held = undefined
      this.report(keys)
      return keys.lookAgainAt === undefined
        ? undefined
        : { requeueAfterMs: Math.max(keys.lookAgainAt - clock.now(), 0) }
    } catch (error) {
      if (!(error instanceof KeyRingHeldError)) throw error
      this.reportHeld(error.violation)
      return { requeueAfterMs: error.lookAgainMs }
    }
  }

  private report({ changes, restored }: KeyOutcome): void {
    const { logger, metrics } = this.options
    for (const { keyID, change, reason } of changes) {
      metrics.keysRotated.inc({ change })
      logger.info('key of the authority changed', { kid: keyID, change, reason })
    }
    if (restored?.fresh === true) {
      const { reason, message } = restored.violation
      metrics.keyRingsRestored.inc({ reason })
      logger.warn('key ring of the authority restored', { reason })
      const note = `${message}: restored from memory`
      this.record('Warning', { reason: Reason.KeyRingRestored, action: 'RestoreKeyRing', note })
    }
    const description = describeChanges(changes, [])
    if (description !== undefined) this.record('Normal', description)
  }

  /** Once for each reason. */
  private reportHeld({ reason, message: note }: Violation): void {
    if (this.held === reason) return
    this.held = reason
    this.options.logger.error('keys of the authority held', { reason, what: note })
    this.record('Warning', { reason, action: 'HoldKeys', note })
  }

  private record(type: 'Normal' | 'Warning', event: { reason: Reason; action: string; note: string }): void {
    const { namespace, events, configMap } = this.options
    const metadata = configMap()?.metadata ?? { name: publicKeysName(theAuthority), namespace }
    events.record({ regarding: { apiVersion: 'v1', kind: 'ConfigMap', metadata }, type, ...event })
  }
}
