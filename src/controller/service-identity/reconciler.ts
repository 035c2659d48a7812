import { type Clock, parseTime } from '../../time/clock.ts'
import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { ConditionType, findCondition } from '../../api/v1alpha1/conditions.ts'
import { apiVersion, serviceIdentities } from '../../api/v1alpha1/group-version.ts'
import { type IdentityName, identityKey, parseIdentityKey } from '../../identity/service-identity.ts'
import type { KeySlot } from '../../keys/key-ring/key-ring.ts'
import { KeyRingError } from '../../keys/key-ring/errors.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import { resources } from '../../kube/client/resource.ts'
import { encodeWorkloadFiles } from '../../kube/secrets/secret-codec.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { Logger } from '../../logger.ts'
import { tokenRenewAt } from '../../policy/credential.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { NudgeReconciler } from '../nudge/reconciler.ts'
import { KeyRingHeldError } from '../key-ring/owner.ts'
import type { KeyOutcome, KeyRingReconciler } from '../key-ring/reconciler.ts'
import type { ReconcileResult } from '../runtime/reconcile.ts'
import { revocationsOf } from '../revocation/by-identity.ts'
import { type Revoked, revokedBy } from '../revocation/revoked.ts'
import { sameJson } from '../../json.ts'
import { type Credential, ensureCredentials } from './credentials.ts'
import { describeChanges } from './events.ts'
import {
  cannotWait,
  issuerOfIdentity,
  mayHaveLostNudge,
  specViolation,
  subjectOf,
  type TrustSettings,
  type Wanted,
  wantedOf,
  wantsNudge,
} from './wanted.ts'
import { type Outcome, statusOf } from './status.ts'
import { type FoundSecret, isUpToDate, type WorkloadSecrets } from './workload-secret.ts'

export const fieldManager = 'signet-controller'

interface ServiceIdentityOptions {
  readonly client: KubeClient
  readonly identities: Store<ServiceIdentity>
  /** Indexed by the identity that they name. */
  readonly revocations: Store<TokenRevocation>
  readonly keyRings: KeyRingReconciler
  readonly secrets: WorkloadSecrets
  /** PEM certificates that workloads are to trust; undefined until the CA is there. */
  readonly trustBundle: () => string | undefined
  readonly events: EventSink
  /** Tells the pods of an identity to read their Secret anew; `lags` finds a nudge that was lost. */
  readonly nudges: Pick<NudgeReconciler, 'request' | 'lags'>
  readonly settings: TrustSettings
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'tokensMinted' | 'keysRotated' | 'keyRingsRestored'>
}

/** What a reconcile came to: its outcome for the status, and when to look again by time alone. */
interface Progress {
  readonly outcome: Outcome
  readonly keys?: KeyOutcome
  readonly credentials?: readonly Credential[]
  readonly lookAgainAt?: number
  /** Why nothing is done about the keys until somebody acts. */
  readonly held?: Violation
}

/** How soon to look again where another part of the cluster is about to act. */
const soon = 1000

/** Brings one ServiceIdentity to where its spec and the clock want it: keys, then tokens, then the status. */
export class ServiceIdentityReconciler {
  private readonly options: ServiceIdentityOptions

  constructor(options: ServiceIdentityOptions) {
    this.options = options
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { identities, revocations, keyRings, clock } = this.options
    const name = parseIdentityKey(key)
    const identity = identities.get(name)
    if (identity === undefined || identity.metadata.deletionTimestamp !== undefined) {
      // Noted before the API server is asked: a ring that turns up later is a successor's.
      const uid = identity?.metadata.uid ?? keyRings.uidOf(name)
      if (identity === undefined && (await this.livesOn(name, signal))) return { requeueAfterMs: soon }
      await keyRings.sweep(name, signal, uid)
      this.options.secrets.forget(key)
      return undefined
    }
    const revoked = revokedBy(revocationsOf(revocations, name), clock.now())
    const progress = await this.progress(identity, revoked, signal)
    await this.writeStatus(identity, progress.outcome, signal)
    this.report(identity, progress)
    const times = [progress.lookAgainAt, revoked.lookAgainAt].filter((time) => time !== undefined)
    if (times.length === 0) return undefined
    return { requeueAfterMs: Math.max(Math.min(...times) - clock.now(), 0) }
  }

  /** Whether the identity exists after all: the watch may lag behind. */
  private async livesOn(name: IdentityName, signal: AbortSignal): Promise<boolean> {
    const live = await this.options.client.get(resources.serviceIdentities, name, { signal })
    return live !== undefined && live.metadata.deletionTimestamp === undefined
  }

  private async progress(identity: ServiceIdentity, revoked: Revoked, signal: AbortSignal): Promise<Progress> {
    const { settings } = this.options
    const base = { subject: subjectOf(identity, settings), issuer: issuerOfIdentity(identity, settings) }
    const invalid = specViolation(identity, settings)
    // A revoked key is withdrawn whatever else is wrong.
    if (invalid !== undefined && revoked.keyIDs.size === 0) return { outcome: { ...base, keysViolation: invalid } }
    const wanted = wantedOf(identity, settings, revoked.keyIDs)
    try {
      const keys = await this.keys(identity, wanted, signal)
      this.reportRestored(identity, keys)
      if (invalid !== undefined) return { outcome: { ...base, ring: keys.ring, keysViolation: invalid }, keys }
      return await this.tokens(identity, wanted, keys, revoked, { ...base, ...keysNote(keys) }, signal)
    } catch (error) {
      if (error instanceof KeyRingHeldError) {
        const { violation: keysViolation, lookAgainMs } = error
        const lookAgainAt = this.options.clock.now() + lookAgainMs
        return { outcome: { ...base, keysViolation }, lookAgainAt, held: keysViolation }
      }
      const violation = violationOf(error)
      const expired = expiredViolation(identity, this.options.clock.now())
      if (violation !== undefined) await this.writeStatus(identity, { ...base, keysViolation: violation }, signal)
      else if (expired !== undefined) await this.writeStatus(identity, { ...base, tokensViolation: expired }, signal)
      throw error
    }
  }

  private keys({ metadata }: ServiceIdentity, wanted: Wanted, signal: AbortSignal): Promise<KeyOutcome> {
    const { name, namespace = '', uid = '' } = metadata
    return this.options.keyRings.reconcile({ name, namespace, uid, subject: wanted.subject }, wanted.keys, signal)
  }

  private async tokens(
    identity: ServiceIdentity,
    wanted: Wanted,
    keys: KeyOutcome,
    revoked: Revoked,
    base: Pick<Outcome, 'subject' | 'issuer' | 'keysNote'>,
    signal: AbortSignal,
  ): Promise<Progress> {
    const { secrets, settings, clock } = this.options
    const { ring, signing } = keys
    const waiting = (tokensViolation: Violation, lookAgainMs: number): Progress => ({
      outcome: { ...base, ring, tokensViolation },
      keys,
      lookAgainAt: Math.min(clock.now() + lookAgainMs, keys.lookAgainAt ?? Number.POSITIVE_INFINITY),
    })
    const found = secrets.find(identity)
    if (found.kind === 'taken') return waiting(found.violation, found.lookAgainMs)
    const trustBundle = this.options.trustBundle()
    if (trustBundle === undefined) {
      return waiting({ reason: Reason.WaitingForTrustBundle, message: 'The trust domain CA is being created' }, soon)
    }
    if (signing === undefined) {
      return waiting({ reason: Reason.WaitingForKeys, message: 'The signing key is being published' }, soon)
    }
    const context = { issuer: base.issuer, subject: wanted.subject, ring, signing, revoked: revoked.tokens }
    const credentials = await ensureCredentials(wanted.tokens, found.secret, context, clock)
    const wants = wantsNudge(settings, wanted, credentials, revoked.any)
    const written = await this.writeSecret(identity, credentials, signing, trustBundle, found, wants, signal)
    if (written.kind === 'taken') return waiting(written.violation, written.lookAgainMs)
    const tokens = credentials.map(({ wanted: { name }, issued }) => ({ name, issued }))
    const renewals = tokens.map(({ name, issued }) => tokenRenewAt(issued, name, wanted.subject))
    const { violation: tokensViolation, lookAgainMs = Number.POSITIVE_INFINITY } = secrets.contention(identity) ?? {}
    const lookAgainAt = Math.min(...renewals, keys.lookAgainAt ?? Number.POSITIVE_INFINITY, clock.now() + lookAgainMs)
    const outcome = { ...base, ring, tokens, ...(tokensViolation === undefined ? {} : { tokensViolation }) }
    return { outcome, keys, credentials, lookAgainAt }
  }

  private async writeSecret(
    identity: ServiceIdentity,
    credentials: readonly Credential[],
    signing: KeySlot,
    trustBundle: string,
    found: FoundSecret & { kind: 'ours' },
    wants: boolean,
    signal: AbortSignal,
  ): Promise<FoundSecret> {
    const { secrets, settings } = this.options
    const tokens = new Map(credentials.map(({ wanted: { name }, token }) => [name, token]))
    const data = encodeWorkloadFiles({ issuer: issuerOfIdentity(identity, settings), trustBundle, tokens })
    const current = found.secret !== undefined && isUpToDate(found.secret, identity.metadata.name, data)
    const written = current ? found : await secrets.write(identity, data, found.secret, signal)
    if (written.kind === 'ours') this.nudge(identity, credentials, signing, wants, !current)
    return written
  }

  /** After a write every pod is nudged; otherwise where one has not been since the tokens were issued. */
  private nudge(
    { metadata }: ServiceIdentity,
    credentials: readonly Credential[],
    signing: KeySlot,
    wants: boolean,
    written: boolean,
  ): void {
    const { settings, nudges, clock } = this.options
    const mayBeLost = mayHaveLostNudge(settings, signing, parseTime(metadata.creationTimestamp) ?? 0, clock.now())
    if (!wants && !mayBeLost) return
    const key = identityKey({ namespace: metadata.namespace ?? '', name: metadata.name })
    const urgent = mayBeLost || cannotWait(credentials)
    const issuedAt = Math.max(...credentials.map(({ issued }) => issued.notBefore))
    if (written && wants) nudges.request(key, { urgent })
    else if (nudges.lags(key, issuedAt)) nudges.request(key, { since: issuedAt, urgent })
  }

  private async writeStatus(identity: ServiceIdentity, outcome: Outcome, signal: AbortSignal): Promise<void> {
    const { client, clock, identities } = this.options
    const status = statusOf(identity, outcome, clock.now())
    if (sameJson(identity.status, status)) return
    const { name, namespace = '', uid = '' } = identity.metadata
    const applied = await client.apply<ServiceIdentity>(
      resources.serviceIdentities,
      { apiVersion, kind: serviceIdentities.kind, metadata: { name, namespace, uid }, status },
      { fieldManager, force: true, subresource: 'status', signal },
    )
    identities.insertIfNewer(applied)
  }

  private reportRestored(identity: ServiceIdentity, { restored }: KeyOutcome): void {
    const { logger, metrics, events } = this.options
    if (restored?.fresh !== true) return
    const { reason, message } = restored.violation
    const { namespace = '', name } = identity.metadata
    metrics.keyRingsRestored.inc({ reason })
    logger.warn('key ring restored', { identity: identityKey({ namespace, name }), reason })
    const note = `${message}: restored from memory`
    const description = { reason: Reason.KeyRingRestored, action: 'RestoreKeyRing', note }
    events.record({ regarding: withKind(identity), type: 'Warning', ...description })
  }

  private report(identity: ServiceIdentity, { keys, credentials = [], held }: Progress): void {
    const { logger, metrics, events } = this.options
    const { namespace = '', name } = identity.metadata
    const told = findCondition(identity.status?.conditions, ConditionType.KeysReady)?.reason
    if (held !== undefined && told !== held.reason) {
      const { reason, message: note } = held
      logger.error('keys held', { identity: identityKey({ namespace, name }), reason })
      events.record({ regarding: withKind(identity), type: 'Warning', reason, action: 'HoldKeys', note })
    }
    const minted = credentials.filter((credential) => credential.minted !== undefined)
    for (const { change } of keys?.changes ?? []) metrics.keysRotated.inc({ change })
    for (const { minted: reason, issued } of minted) {
      metrics.tokensMinted.inc({ reason: reason ?? Reason.Missing })
      logger.info('token issued', {
        identity: identityKey({ namespace, name }),
        audience: issued.audience,
        kid: issued.keyID,
        jti: issued.tokenID,
        reason,
      })
    }
    for (const { keyID, change, reason } of keys?.changes ?? []) {
      logger.info('key changed', { identity: identityKey({ namespace, name }), kid: keyID, change, reason })
    }
    const description = describeChanges(keys?.changes ?? [], minted)
    if (description !== undefined) events.record({ regarding: withKind(identity), type: 'Normal', ...description })
  }
}

/** What the condition says of keys that are ready, while a restore of their ring is worth a word. */
function keysNote({ restored }: KeyOutcome): Pick<Outcome, 'keysNote'> {
  if (restored === undefined) return {}
  const message = `The signing key is published. ${restored.violation.message} lately, and was restored`
  return { keysNote: { reason: Reason.KeyRingRestored, message } }
}

function withKind(identity: ServiceIdentity): ServiceIdentity {
  return { ...identity, apiVersion, kind: serviceIdentities.kind }
}

/** Whatever keeps tokens from being renewed shows, at the latest, when the first of them has expired. */
function expiredViolation({ status }: ServiceIdentity, now: number): Violation | undefined {
  const expiresAt = parseTime(status?.expiresAt)
  if (expiresAt === undefined || now < expiresAt) return undefined
  return {
    reason: Reason.Expired,
    message: 'Tokens have expired and cannot be renewed; the log of the controller says why',
  }
}

/** Failures that the user can mend are told in the status; all others are retried and logged. */
function violationOf(error: unknown): Violation | undefined {
  if (error instanceof KeyRingError) return { reason: Reason.KeyRingUnusable, message: error.message }
  if (error instanceof KubeError && error.isForbidden) return { reason: Reason.Forbidden, message: error.message }
  if (error instanceof KubeError && error.isInvalid) return { reason: Reason.Refused, message: error.message }
  return undefined
}
