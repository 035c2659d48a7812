import { ConditionType, findCondition } from '../../api/v1alpha1/conditions.ts'
import { apiVersion, serviceIdentities } from '../../api/v1alpha1/group-version.ts'
import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { identityKey } from '../../identity/service-identity.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import type { Logger } from '../../logger.ts'
import { Reason } from '../../policy/reasons.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { describeChanges } from '../key-ring/events.ts'
import type { KeyOutcome } from '../key-ring/reconciler.ts'
import type { Progress } from './progress.ts'

interface ReportOptions {
  readonly logger: Logger
  readonly events: EventSink
  readonly metrics: Pick<Metrics, 'tokensMinted' | 'keysRotated' | 'keyRingsRestored'>
}

/** Reports one reconcile of a ServiceIdentity: metrics, log lines and Events. */
export class Report {
  readonly #options: ReportOptions

  constructor(options: ReportOptions) {
    this.#options = options
  }

  /** Reports a restored key ring, once. Called before the tokens are issued, as a failure there must not hide it. */
  restored(identity: ServiceIdentity, { restored }: KeyOutcome): void {
    if (restored?.fresh !== true) return
    const { logger, metrics } = this.#options
    const { reason, message } = restored.violation
    metrics.keyRingsRestored.inc({ reason })
    logger.warn('key ring restored', { identity: keyOf(identity), reason })
    const note = `${message} and has been restored from memory`
    this.#record(identity, 'Warning', { reason: Reason.KeyRingRestored, action: 'RestoreKeyRing', note })
  }

  /** Reports why the keys are blocked, once per reason, and every change of keys and tokens. */
  progress(identity: ServiceIdentity, { keys, tokens = [], blocked }: Progress): void {
    const { logger, metrics } = this.#options
    const key = keyOf(identity)
    const previous = findCondition(identity.status?.conditions, ConditionType.KeysReady)?.reason
    if (blocked !== undefined && previous !== blocked.reason) {
      const { reason, message: note } = blocked
      logger.error('keys blocked', { identity: key, reason })
      this.#record(identity, 'Warning', { reason, action: 'BlockKeys', note })
    }
    const changes = keys?.changes ?? []
    const minted = tokens.flatMap(({ wanted: { name }, issued, minted: reason }) =>
      reason === undefined ? [] : [{ name, issued, reason }],
    )
    for (const { change } of changes) metrics.keysRotated.inc({ change })
    for (const { issued, reason } of minted) {
      metrics.tokensMinted.inc({ reason })
      logger.info('token issued', {
        identity: key,
        audience: issued.audience,
        kid: issued.keyID,
        jti: issued.tokenID,
        reason,
      })
    }
    for (const { keyID, change, reason } of changes) {
      logger.info('key changed', { identity: key, kid: keyID, change, reason })
    }
    const description = describeChanges(changes, minted)
    if (description !== undefined) this.#record(identity, 'Normal', description)
  }

  #record(
    identity: ServiceIdentity,
    type: 'Normal' | 'Warning',
    event: { reason: Reason; action: string; note: string },
  ): void {
    const regarding = { ...identity, apiVersion, kind: serviceIdentities.kind }
    this.#options.events.record({ regarding, type, ...event })
  }
}

function keyOf({ metadata: { namespace = '', name } }: ServiceIdentity): string {
  return identityKey({ namespace, name })
}
