import { describe, expect, it } from 'vitest'
import { cannotWait, mayHaveLostNudge } from '../../../src/controller/service-identity/nudging.ts'
import { MINUTE } from '../../../src/time/duration.ts'
import type { KeySlot } from '../../../src/keys/key-ring/key-ring.ts'
import { Reason } from '../../../src/policy/reasons.ts'
import { settings } from '../../builders/identity-controller.ts'

const createdAt = Date.parse('2026-06-01T00:00:00Z')
const activeAt = createdAt + 60 * MINUTE
const slot = (more: Partial<KeySlot> = {}) => ({ state: 'Active', activeAt, urgent: true, ...more }) as KeySlot

describe('whether the nudge for new tokens can wait its turn', () => {
  it.each([
    [Reason.Renewing, false],
    [Reason.Missing, false],
    [Reason.SpecChanged, false],
    [Reason.KeyGone, true],
    [Reason.Unusable, true],
  ] as const)('after %s: cannot, %s', (minted, expected) => {
    expect(cannotWait([{}, { minted }])).toBe(expected)
  })
})

describe('I10: a nudge that a crash may have lost', () => {
  const after = (minutes: number, signing = slot(), mode = settings.nudge): boolean =>
    mayHaveLostNudge(mode, signing, createdAt, activeAt + minutes * MINUTE)

  it('is looked for while the key that had to sign at once is young', () => {
    expect([0, 5, 9.9, 10, 60].map((minutes) => after(minutes))).toEqual([true, true, true, false, false])
  })

  it('is not looked for after an ordinary rotation, nor for an identity whose first key it is', () => {
    const { urgent: _urgent, ...planned } = slot()
    expect(after(1, planned)).toBe(false)
    expect(mayHaveLostNudge(settings.nudge, slot({ activeAt: createdAt + 1000 }), createdAt, createdAt + 2000)).toBe(
      false,
    )
  })

  it('is not looked for where nobody is to be nudged', () => {
    expect(after(1, slot(), 'Never')).toBe(false)
  })
})
