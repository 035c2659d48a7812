import { identityKey } from '../../identity/service-identity.ts'
import type { KeySlot } from '../../keys/key-ring/key-ring.ts'
import { Reason } from '../../policy/reasons.ts'
import { urgentLifetime } from '../../rotation/lifetimes.ts'
import { MINUTE } from '../../time/duration.ts'
import type { NudgeReconciler } from '../nudge/reconciler.ts'
import type { NudgeMode, Wanted } from './wanted.ts'
import type { WorkloadToken } from './workload-tokens.ts'

export type Nudges = Pick<NudgeReconciler, 'request' | 'lags'>

/**
 * Requests a nudge of the identity's pods if kubelet has to read the Secret at once: for every pod after a write of the
 * Secret, and otherwise for pods that have not been nudged since their tokens were issued.
 */
export function nudgePods(
  { owner, nudge, tokens, revoked, createdAt }: Wanted,
  {
    issued,
    signing,
    written,
    now,
  }: {
    readonly issued: readonly WorkloadToken[]
    readonly signing: KeySlot
    /** Whether this reconcile wrote the Secret. */
    readonly written: boolean
    readonly now: number
  },
  nudges: Nudges,
): void {
  const wants = wantsNudge(nudge, tokens, issued, revoked.any)
  const mayBeLost = mayHaveLostNudge(nudge, signing, createdAt, now)
  if (!wants && !mayBeLost) return
  const key = identityKey(owner)
  const urgent = mayBeLost || cannotWait(issued)
  const issuedAt = Math.max(...issued.map(({ issued: { notBefore } }) => notBefore))
  if (written && wants) nudges.request(key, { urgent })
  else if (nudges.lags(key, issuedAt)) nudges.request(key, { since: issuedAt, urgent })
}

type Minted = Pick<WorkloadToken, 'minted'>

/** Whether pods have to be nudged after a write of their Secret, instead of waiting for kubelet's next sync. */
function wantsNudge(
  nudge: NudgeMode,
  tokens: Wanted['tokens'],
  issued: readonly Minted[],
  hasRevocations: boolean,
): boolean {
  if (nudge !== 'Urgent') return nudge === 'Always'
  // For as long as the revocation exists, so that a later reconcile repeats a nudge that a crash has lost.
  if (hasRevocations) return true
  // Verifiers refuse a token whose key is gone, however long its lifetime.
  return (
    issued.some(({ minted }) => minted === Reason.KeyGone) || tokens.some(({ lifetime }) => lifetime < urgentLifetime)
  )
}

/** Reasons for minting where the replaced token still verifies, or no token existed. */
const ordinary: ReadonlySet<Reason> = new Set([Reason.Missing, Reason.Renewing, Reason.SpecChanged])

/** Whether verifiers refuse the tokens that pods have now: then the nudge goes ahead of all others. */
export function cannotWait(issued: readonly Minted[]): boolean {
  return issued.some(({ minted }) => minted !== undefined && !ordinary.has(minted))
}

/** How long a lost nudge is searched for after a key had to sign at once; kubelet has synced by itself by then. */
const nudgeMemory = 10 * MINUTE
/** A key that signs this soon after the identity's creation is its first one: no pod has older tokens. */
const firstKeyWithin = MINUTE

/**
 * Whether a nudge for a lost or revoked key may have been lost, in a crash after the tokens were written. The ring is
 * the only record of why the tokens were minted.
 */
export function mayHaveLostNudge(nudge: NudgeMode, signing: KeySlot, createdAt: number, now: number): boolean {
  const { urgent, activeAt = 0 } = signing
  return nudge !== 'Never' && urgent === true && activeAt > createdAt + firstKeyWithin && now < activeAt + nudgeMemory
}
