import { ConditionType, findCondition } from '../../api/v1alpha1/conditions.ts'
import { apiVersion, serviceIdentities, tokenRevocations } from '../../api/v1alpha1/group-version.ts'
import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import type { Clock } from '../../time/clock.ts'
import { identityKey } from '../../identity/service-identity.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import { resources } from '../../kube/client/resource.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { Logger } from '../../logger.ts'
import type { ReconcileResult } from '../runtime/reconcile.ts'
import { sameJson } from '../../json.ts'
import { fieldManager } from '../service-identity/reconciler.ts'
import { identityOf } from './by-identity.ts'
import { decide, type Verdict } from './decide.ts'
import { describeVerdict } from './events.ts'
import { statusOf } from './status.ts'

interface RevocationOptions {
  readonly client: KubeClient
  readonly revocations: Store<TokenRevocation>
  readonly identities: Store<ServiceIdentity>
  readonly events: EventSink
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Tells how far a TokenRevocation has come, and deletes it once nothing that it names can be alive. The revoking itself
 * is the work of the identity's reconciler, which reads the same TokenRevocations.
 */
export class RevocationReconciler {
  private readonly options: RevocationOptions

  constructor(options: RevocationOptions) {
    this.options = options
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { revocations, clock } = this.options
    const revocation = revocations.getByKey(key)
    if (revocation === undefined || revocation.metadata.deletionTimestamp !== undefined) return undefined
    const now = clock.now()
    const identity = this.identityOf(revocation)
    const verdict = decide({ revocation, identity, now })
    const { expiresAt = Number.POSITIVE_INFINITY, lookAgainAt = Number.POSITIVE_INFINITY } = verdict
    if (now >= expiresAt) {
      await this.remove(revocation, signal)
      return undefined
    }
    await this.writeStatus(revocation, verdict, signal)
    this.report(revocation, identity, verdict)
    const next = Math.min(expiresAt, lookAgainAt)
    return Number.isFinite(next) ? { requeueAfterMs: next - now } : undefined
  }

  private identityOf(revocation: TokenRevocation): ServiceIdentity | undefined {
    const identity = this.options.identities.get(identityOf(revocation))
    return identity?.metadata.deletionTimestamp === undefined ? identity : undefined
  }

  private async remove({ metadata, spec }: TokenRevocation, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid, resourceVersion } = metadata
    const { client, logger } = this.options
    await client.delete(resources.tokenRevocations, { namespace, name }, { uid, resourceVersion, signal })
    logger.info('revocation expired', { revocation: `${namespace ?? ''}/${name}`, identity: spec.identity })
  }

  private async writeStatus(revocation: TokenRevocation, verdict: Verdict, signal: AbortSignal): Promise<void> {
    const { client, clock, revocations } = this.options
    const status = statusOf(revocation, verdict, clock.now())
    if (sameJson(revocation.status, status)) return
    const { name, namespace = '', uid = '' } = revocation.metadata
    const applied = await client.apply<TokenRevocation>(
      resources.tokenRevocations,
      { apiVersion, kind: tokenRevocations.kind, metadata: { name, namespace, uid }, status },
      { fieldManager, force: true, subresource: 'status', signal },
    )
    revocations.insertIfNewer(applied)
  }

  /** Once for each change of the reason. */
  private report(revocation: TokenRevocation, identity: ServiceIdentity | undefined, verdict: Verdict): void {
    const { events, logger } = this.options
    const { metadata, status } = revocation
    if (findCondition(status?.conditions, ConditionType.Applied)?.reason === verdict.reason) return
    logger.info('revocation judged', {
      revocation: `${metadata.namespace ?? ''}/${metadata.name}`,
      identity: identityKey(identityOf(revocation)),
      applied: verdict.applied,
      reason: verdict.reason,
    })
    const announcement = describeVerdict(revocation, verdict)
    if (announcement === undefined) return
    const { type, reason, note, identityNote } = announcement
    const action = 'Revoke'
    events.record({ regarding: { ...revocation, kind: tokenRevocations.kind, apiVersion }, type, reason, action, note })
    if (identity === undefined || identityNote === undefined) return
    const regarding = { ...identity, kind: serviceIdentities.kind, apiVersion }
    events.record({ regarding, type, reason, action, note: identityNote })
  }
}
