import { effectiveSigningKey } from '../../../api/v1alpha1/defaults.ts'
import type { ServiceIdentity, TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { formatTime } from '../../../time/clock.ts'
import { formatDuration } from '../../../time/duration.ts'
import { nextRotationAt } from '../session/rotation.ts'
import { facts, table } from '../terminal/table.ts'
import { formatWhen } from '../terminal/times.ts'
import { appliedCondition, whatIsRevoked } from '../session/token-revocation.ts'

/** The output of `kubectl signet show`. `now` is in milliseconds since the epoch. */
export function describeIdentity(options: {
  readonly identity: ServiceIdentity
  readonly revocations: readonly TokenRevocation[]
  readonly now: number
  readonly wide: boolean
}): string {
  const { identity, revocations, now, wide } = options
  const { status } = identity
  const when = (time: string | undefined): string => formatWhen(time, now, wide)
  const keys = (status?.keys ?? []).map((key) => [
    ...[key.keyID, key.state, key.algorithm ?? '-'],
    ...[key.publishedAt, key.activeAt, key.retiredAt, key.removeAt].map(when),
  ])
  const tokens = (status?.tokens ?? []).map((token) => [
    ...[token.name, token.audience, token.tokenID, token.keyID],
    ...[token.issuedAt, token.renewAt, token.expiresAt].map(when),
  ])
  const revoked = revocations.map((revocation) => [
    ...[revocation.metadata.name, whatIsRevoked(revocation.spec), appliedCondition(revocation)?.status ?? 'Unknown'],
    ...[revocation.spec.reason ?? '-', when(revocation.metadata.creationTimestamp)],
  ])
  return [
    facts(factsOf(identity, when)),
    section('Keys', ['KEY ID', 'STATE', 'ALGORITHM', 'PUBLISHED', 'ACTIVE', 'RETIRED', 'REMOVED'], keys),
    section('Tokens', ['NAME', 'AUDIENCE', 'TOKEN ID', 'KEY ID', 'ISSUED', 'RENEWED', 'EXPIRES'], tokens),
    ...(revoked.length === 0
      ? []
      : [section('Revocations', ['NAME', 'REVOKES', 'APPLIED', 'REASON', 'CREATED'], revoked)]),
  ].join('\n')
}

function factsOf(
  identity: ServiceIdentity,
  when: (time: string | undefined) => string,
): readonly (readonly [string, string])[] {
  const { metadata, spec, status } = identity
  const { rotationPeriod, publishAhead } = effectiveSigningKey(spec)
  const next = nextRotationAt(identity)
  const rotation = `every ${formatDuration(rotationPeriod)}, published ${formatDuration(publishAhead)} ahead`
  return [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace ?? '-'],
    ['Subject', status?.subject ?? '-'],
    ['Issuer', status?.issuer ?? '-'],
    ['Secret', status?.secretName ?? '-'],
    ['Rotation', next === undefined ? rotation : `${rotation}, next ${when(formatTime(next))}`],
    ...(status?.conditions ?? []).map(
      (condition) => [condition.type, `${condition.status} (${condition.reason}: ${condition.message})`] as const,
    ),
  ]
}

function section(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${title}:\n${rows.length === 0 ? 'none\n' : table(header, rows)}`
}
