import { Reason } from '../../policy/reasons.ts'
import type { KeyChange } from '../key-ring/reconciler.ts'
import type { Credential } from './credentials.ts'

interface Description {
  readonly reason: Reason
  /** What was done, as events.k8s.io wants it. */
  readonly action: string
  readonly note: string
}

/** One Event for what a reconcile changed; undefined where it changed nothing. */
export function describeChanges(changes: readonly KeyChange[], minted: readonly Credential[]): Description | undefined {
  const activated = changes.find(({ change }) => change === 'Activated')
  const created = changes.find(({ change }) => change === 'Created')
  const keyNote =
    activated === undefined
      ? created === undefined
        ? undefined
        : `key ${created.keyID} created (${created.reason ?? Reason.FirstKey})`
      : `key ${activated.keyID} signs now`
  const revoked = changes.filter(({ change }) => change === 'Revoked').map(({ keyID }) => `key ${keyID} revoked`)
  const names = minted.map(({ wanted }) => wanted.name)
  const reasons = [...new Set(minted.flatMap(({ minted: reason }) => reason ?? []))]
  const tokenNote = names.length === 0 ? undefined : `issued ${names.join(', ')} (${reasons.join(', ')})`
  if (keyNote === undefined && tokenNote === undefined && revoked.length === 0) return undefined
  const note = [...revoked, tokenNote, keyNote].filter((part) => part !== undefined).join('; ')
  if (revoked.length > 0) return { reason: Reason.Revoked, action: 'RevokeKey', note }
  if (activated !== undefined) return { reason: Reason.KeyRotated, action: 'RotateKey', note }
  return tokenNote === undefined
    ? { reason: created?.reason ?? Reason.RotationDue, action: 'PublishKey', note }
    : { reason: Reason.Issued, action: 'IssueTokens', note }
}
