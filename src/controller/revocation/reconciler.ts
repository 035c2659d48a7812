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
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'
import { sameJson } from '../../json.ts'
import { fieldManager } from '../field-manager.ts'
import { decide, type RevocationProgress } from './decide.ts'
import { announcementOf } from './events.ts'
import { identityOf } from './revoked.ts'
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
 * Writes into the status how far a TokenRevocation is, and deletes it once everything that it revokes has expired. The
 * reconciler of the ServiceIdentity does the revoking; it reads the same TokenRevocations.
 */
export class RevocationReconciler implements Reconciler {
  readonly #options: RevocationOptions

  constructor(options: RevocationOptions) {
    this.#options = options
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { revocations, clock } = this.#options
    const revocation = revocations.getByKey(key)
    if (revocation === undefined || revocation.metadata.deletionTimestamp !== undefined) return undefined
    const now = clock.now()
    const identity = this.#identityOf(revocation)
    const progress = decide({ revocation, identity, now })
    const { expiresAt = Number.POSITIVE_INFINITY, lookAgainAt = Number.POSITIVE_INFINITY } = progress
    if (now >= expiresAt) {
      await this.#remove(revocation, signal)
      return undefined
    }
    await this.#writeStatus(revocation, progress, signal)
    this.#report(revocation, identity, progress)
    const next = Math.min(expiresAt, lookAgainAt)
    return Number.isFinite(next) ? { requeueAfterMs: next - now } : undefined
  }

  #identityOf(revocation: TokenRevocation): ServiceIdentity | undefined {
    const identity = this.#options.identities.get(identityOf(revocation))
    return identity?.metadata.deletionTimestamp === undefined ? identity : undefined
  }

  async #remove({ metadata, spec }: TokenRevocation, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid, resourceVersion } = metadata
    const { client, logger } = this.#options
    await client.delete(resources.tokenRevocations, { namespace, name }, { uid, resourceVersion, signal })
    logger.info('revocation expired', { revocation: `${namespace ?? ''}/${name}`, identity: spec.identity })
  }

  async #writeStatus(revocation: TokenRevocation, progress: RevocationProgress, signal: AbortSignal): Promise<void> {
    const { client, clock, revocations } = this.#options
    const status = statusOf(revocation, progress, clock.now())
    if (sameJson(revocation.status, status)) return
    const { name, namespace = '', uid = '' } = revocation.metadata
    const applied = await client.apply<TokenRevocation>(
      resources.tokenRevocations,
      { apiVersion, kind: tokenRevocations.kind, metadata: { name, namespace, uid }, status },
      { fieldManager, force: true, subresource: 'status', signal },
    )
    revocations.insertIfNewer(applied)
  }

  /** Once per change of the reason. */
  #report(revocation: TokenRevocation, identity: ServiceIdentity | undefined, progress: RevocationProgress): void {
    const { events, logger } = this.#options
    const { metadata, status } = revocation
    if (findCondition(status?.conditions, ConditionType.Applied)?.reason === progress.reason) return
    logger.info('revocation checked', {
      revocation: `${metadata.namespace ?? ''}/${metadata.name}`,
      identity: identityKey(identityOf(revocation)),
      applied: progress.applied,
      reason: progress.reason,
    })
    const announcement = announcementOf(revocation, progress)
    if (announcement === undefined) return
    const { type, reason, note, identityNote } = announcement
    const action = 'Revoke'
    events.record({ regarding: { ...revocation, kind: tokenRevocations.kind, apiVersion }, type, reason, action, note })
    if (identity === undefined || identityNote === undefined) return
    const regarding = { ...identity, kind: serviceIdentities.kind, apiVersion }
    events.record({ regarding, type, reason, action, note: identityNote })
  }
}
