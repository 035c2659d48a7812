import { describe, expect, it } from 'vitest'
import type { KeyStatus, ServiceIdentity } from '../../../../src/api/v1alpha1/types.ts'
import { nextRotationAt, requestedRotationAt } from '../../../../src/cli/kubectl/session/rotation.ts'
import { formatTime } from '../../../../src/time/clock.ts'
import { HOUR, MINUTE, SECOND } from '../../../../src/time/duration.ts'
import { rotationDueAt } from '../../../../src/rotation/schedule.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const identity = (...keys: KeyStatus[]): ServiceIdentity => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name: 'orders', namespace: 'shop' },
  spec: {},
  status: { subject, keys },
})
const active: KeyStatus = { keyID: 'a', algorithm: 'ES256', state: 'Active', activeAt: formatTime(now - HOUR) }
const waiting = (algorithm: string, agoMs: number): KeyStatus => ({
  keyID: 'b',
  algorithm,
  state: 'Published',
  publishedAt: formatTime(now - agoMs),
})

describe('nextRotationAt', () => {
  it('is what the controller reckons', () => {
    const settings = { rotationPeriod: 24 * HOUR, publishAhead: HOUR, retention: HOUR, seed: subject }
    expect(nextRotationAt(identity(active))).toBe(rotationDueAt(now - HOUR, settings))
  })

  it('is unknown where no key signs', () => {
    expect(nextRotationAt(identity())).toBeUndefined()
  })
})

describe('requestedRotationAt', () => {
  it.each([
    ['publishAhead from now, and the five seconds until every replica serves the key', [active], HOUR + 5 * SECOND],
    [
      'sooner where a successor is published already',
      [active, waiting('ES256', 40 * MINUTE)],
      20 * MINUTE + 5 * SECOND,
    ],
    ['at once where it has been published long enough', [active, waiting('ES256', 2 * HOUR)], 0],
    [
      'publishAhead from now where the successor has another algorithm',
      [active, waiting('RS256', 2 * HOUR)],
      HOUR + 5 * SECOND,
    ],
  ])('is %s', (_, keys, expected) => {
    expect(requestedRotationAt(identity(...keys), now)).toBe(now + expected)
  })
})
