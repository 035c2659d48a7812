import { formatTime } from '../../time/clock.ts'
import { type ConditionJudgement, ConditionType, setCondition } from '../../api/v1alpha1/conditions.ts'
import type { Condition, ServiceIdentity, ServiceIdentityStatus } from '../../api/v1alpha1/types.ts'
import { workloadSecretName } from '../../identity/workload.ts'
import type { KeyRing } from '../../keys/key-ring/key-ring.ts'
import { type IssuedToken, tokenRenewAt } from '../../policy/credential.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'

/** The result of a reconcile. Without `ring` or `tokens`, the status keeps the keys or tokens that it has. */
export interface Outcome {
  readonly subject: string
  readonly issuer: string
  readonly ring?: KeyRing
  readonly tokens?: readonly { readonly name: string; readonly issued: IssuedToken }[]
  /** Why the key ring was restored, within the last ten minutes. */
  readonly restored?: Violation
  /** Why the keys are not ready. */
  readonly keysViolation?: Violation
  /** Why the tokens are not ready. */
  readonly tokensViolation?: Violation
}

/** The status that follows from an outcome. Pure; equal facts give an equal status. */
export function statusOf(identity: ServiceIdentity, outcome: Outcome, now: number): ServiceIdentityStatus {
  const { subject, issuer, ring, tokens } = outcome
  const expiries = tokens?.map(({ issued }) => issued.notAfter) ?? []
  const previous = identity.status ?? {}
  return {
    observedGeneration: identity.metadata.generation ?? 0,
    conditions: conditionsOf(identity, outcome, now),
    subject,
    issuer,
    secretName: workloadSecretName(identity.metadata.name),
    ...(ring === undefined ? kept(previous, 'keys') : { keys: ring.slots.map(keyStatus) }),
    ...(tokens === undefined
      ? { ...kept(previous, 'tokens'), ...kept(previous, 'expiresAt') }
      : {
          tokens: tokens.map(({ name, issued }) => tokenStatus(name, issued, subject)),
          ...(expiries.length > 0 ? { expiresAt: formatTime(Math.min(...expiries)) } : {}),
        }),
  }
}

function conditionsOf(
  identity: ServiceIdentity,
  { restored, keysViolation, tokensViolation, tokens: ready = [] }: Outcome,
  now: number,
): Condition[] {
  const observedGeneration = identity.metadata.generation ?? 0
  const judge = (type: ConditionType, violation: Violation | undefined, otherwise: Violation): ConditionJudgement => ({
    type,
    status: violation === undefined ? 'True' : 'False',
    ...(violation ?? otherwise),
    observedGeneration,
  })
  const plural = ready.length === 1 ? '1 token is' : `${ready.length} tokens are`
  const issued = { reason: Reason.Issued, message: `${plural} issued` }
  const tokens = tokensViolation ?? keysViolation
  const judgements = [
    judge(ConditionType.Ready, keysViolation ?? tokens, issued),
    judge(ConditionType.KeysReady, keysViolation, keysReady(restored)),
    judge(ConditionType.TokensReady, tokens, issued),
  ]
  return judgements.reduce<Condition[]>(
    (conditions, judgement) => setCondition(conditions, judgement, now),
    [...(identity.status?.conditions ?? [])],
  )
}

function keysReady(restored: Violation | undefined): Violation {
  const message = 'Signing key published'
  if (restored === undefined) return { reason: Reason.KeysPublished, message }
  return { reason: Reason.KeyRingRestored, message: `${message}. ${restored.message} and has been restored` }
}

function keyStatus(slot: KeyRing['slots'][number]): NonNullable<ServiceIdentityStatus['keys']>[number] {
  const { keyID, algorithm, state, publishedAt, activeAt, retiredAt, removeAt } = slot
  const times = { publishedAt, activeAt, retiredAt, removeAt }
  const formatted = Object.entries(times).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, formatTime(time)]],
  )
  return { keyID, algorithm, state, ...(Object.fromEntries(formatted) as Partial<Record<keyof typeof times, string>>) }
}

function tokenStatus(
  name: string,
  issued: IssuedToken,
  subject: string,
): NonNullable<ServiceIdentityStatus['tokens']>[number] {
  return {
    name,
    audience: issued.audience,
    keyID: issued.keyID,
    tokenID: issued.tokenID,
    issuedAt: formatTime(issued.notBefore),
    expiresAt: formatTime(issued.notAfter),
    renewAt: formatTime(tokenRenewAt(issued, name, subject)),
  }
}

function kept<K extends keyof ServiceIdentityStatus>(
  status: ServiceIdentityStatus,
  key: K,
): Partial<Pick<ServiceIdentityStatus, K>> {
  const value = status[key]
  return value === undefined ? {} : ({ [key]: value } as unknown as Pick<ServiceIdentityStatus, K>)
}
