import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { tokenRenewAt } from '../../policy/credential.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import type { KeyOutcome } from '../key-ring/reconciler.ts'
import { nudgePods, type Nudges } from './nudging.ts'
import type { Progress } from './progress.ts'
import type { Wanted } from './wanted.ts'
import type { WorkloadSecrets } from './workload-secret.ts'
import { ensureWorkloadTokens } from './workload-tokens.ts'

interface IssueTokensOptions {
  readonly secrets: WorkloadSecrets
  /** PEM certificates that workloads trust; undefined until the CA exists. */
  readonly trustBundle: () => string | undefined
  readonly nudges: Nudges
  readonly clock: Clock
}

/** Milliseconds after which another controller has written what this one waits for. */
const shortWait = SECOND

/** The second half of a reconcile, once the keys are ready: mints tokens, writes the Secret and nudges pods. */
export async function issueTokens(
  identity: ServiceIdentity,
  wanted: Wanted,
  keys: KeyOutcome,
  { secrets, trustBundle: bundle, nudges, clock }: IssueTokensOptions,
  signal: AbortSignal,
): Promise<Progress> {
  const { subject, issuer } = wanted
  const { ring, signing, restored } = keys
  const base = { subject, issuer, ring, ...(restored === undefined ? {} : { restored: restored.violation }) }
  const keysLookAgainAt = keys.lookAgainAt ?? Number.POSITIVE_INFINITY
  const waiting = (tokensViolation: Violation, lookAgainMs: number): Progress => ({
    outcome: { ...base, tokensViolation },
    keys,
    lookAgainAt: Math.min(clock.now() + lookAgainMs, keysLookAgainAt),
  })
  const found = secrets.find(identity)
  if (found.kind === 'blocked') return waiting(found.violation, found.lookAgainMs)
  const trustBundle = bundle()
  if (trustBundle === undefined) {
    return waiting({ reason: Reason.WaitingForTrustBundle, message: 'The trust domain CA is being created' }, shortWait)
  }
  if (signing === undefined) {
    return waiting({ reason: Reason.WaitingForKeys, message: 'The signing key is being published' }, shortWait)
  }
  const context = { issuer, subject, ring, signing, revoked: wanted.revoked.tokens }
  const issued = await ensureWorkloadTokens(wanted.tokens, found.secret, context, clock)
  const files = { issuer, trustBundle, tokens: new Map(issued.map(({ wanted: { name }, token }) => [name, token])) }
  const written = await secrets.write(identity, files, found.secret, signal)
  if (written.kind === 'blocked') return waiting(written.violation, written.lookAgainMs)
  nudgePods(wanted, { issued, signing, written: written.changed, now: clock.now() }, nudges)
  const tokens = issued.map(({ wanted: { name }, issued: token }) => ({ name, issued: token }))
  const renewals = tokens.map(({ name, issued: token }) => tokenRenewAt(token, name, subject))
  const { violation: tokensViolation, lookAgainMs = Number.POSITIVE_INFINITY } = secrets.contention(identity) ?? {}
  return {
    outcome: { ...base, tokens, ...(tokensViolation === undefined ? {} : { tokensViolation }) },
    keys,
    tokens: issued,
    lookAgainAt: Math.min(...renewals, keysLookAgainAt, clock.now() + lookAgainMs),
  }
}
