import { effectiveSigningKey } from '../../../api/v1alpha1/defaults.ts'
import type { ServiceIdentity } from '../../../api/v1alpha1/types.ts'
import { parseTime } from '../../../time/clock.ts'
import { keyRotationSettings } from '../../../policy/signing-key.ts'
import { mayActivateAt, rotationDueAt, type RotationSettings } from '../../../rotation/schedule.ts'
import { activeKey } from './identities.ts'

/** When the rotation of the active key is due, in milliseconds since the epoch. */
export function nextRotationAt(identity: ServiceIdentity): number | undefined {
  const activeAt = parseTime(activeKey(identity)?.activeAt)
  return activeAt === undefined ? undefined : rotationDueAt(activeAt, settingsOf(identity))
}

/**
 * When the successor may sign if the rotation is requested now, in milliseconds since the epoch: `publishAhead` after now,
 * or after the publication of the successor that exists already. The controller replaces a successor with another algorithm
 * than the spec's.
 */
export function requestedRotationAt(identity: ServiceIdentity, now: number): number {
  const settings = settingsOf(identity)
  const { algorithm } = effectiveSigningKey(identity.spec)
  const waiting = identity.status?.keys?.find((key) => key.state === 'Published' && key.algorithm === algorithm)
  return Math.max(now, mayActivateAt(parseTime(waiting?.publishedAt) ?? now, settings))
}

function settingsOf({ spec, status }: ServiceIdentity): RotationSettings {
  return keyRotationSettings(effectiveSigningKey(spec), status?.subject ?? '')
}
