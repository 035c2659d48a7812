import { Reason } from '../../policy/reasons.ts'
import type { KeyChange } from './reconciler.ts'

interface Description {
  readonly reason: Reason
  /** The `action` of an Event of events.k8s.io/v1. */
  readonly action: string
  readonly note: string
}

/** A token that was minted in the same reconcile, and why. */
interface MintedToken {
  readonly name: string
  readonly reason: Reason
}

/** One Event for everything that a reconcile changed; undefined if the reconcile changed nothing. */
export function describeChanges(
  changes: readonly KeyChange[],
  minted: readonly MintedToken[] = [],
): Description | undefined {
  const activated = changes.find(({ change }) => change === 'Activated')
  const created = changes.find(({ change }) => change === 'Created')
  const keyNote =
    activated === undefined
      ? created === undefined
        ? undefined
        : `key ${created.keyID} created (${created.reason ?? Reason.FirstKey})`
      : `key ${activated.keyID} signs now`
  const revoked = changes.filter(({ change }) => change === 'Revoked').map(({ keyID }) => `key ${keyID} revoked`)
  const names = minted.map(({ name }) => name)
  const reasons = [...new Set(minted.map(({ reason }) => reason))]
  const tokenNote = names.length === 0 ? undefined : `issued ${names.join(', ')} (${reasons.join(', ')})`
  if (keyNote === undefined && tokenNote === undefined && revoked.length === 0) return undefined
  const note = [...revoked, tokenNote, keyNote].filter((part) => part !== undefined).join('; ')
  if (revoked.length > 0) return { reason: Reason.Revoked, action: 'RevokeKey', note }
  if (activated !== undefined) return { reason: Reason.KeyRotated, action: 'RotateKey', note }
  return tokenNote === undefined
    ? { reason: created?.reason ?? Reason.RotationDue, action: 'PublishKey', note }
    : { reason: Reason.Issued, action: 'IssueTokens', note }
}
