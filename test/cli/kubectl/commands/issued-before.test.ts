import { describe, expect, it } from 'vitest'
import { UsageError } from '../../../../src/cli/kubectl/terminal/failures.ts'
import { parseIssuedBefore } from '../../../../src/cli/kubectl/commands/issued-before.ts'

const now = Date.parse('2026-06-01T00:00:00.700Z')

describe('parseIssuedBefore', () => {
  it.each([
    ['now', '2026-06-01T00:00:00Z'],
    ['2026-05-31T23:00:00Z', '2026-05-31T23:00:00Z'],
    ['2026-05-31t23:00:00z', '2026-05-31T23:00:00Z'],
    ['2026-06-01T01:00:00+02:00', '2026-05-31T23:00:00Z'],
    ['2026-05-31T23:00:00.5Z', '2026-05-31T23:00:00.500Z'],
    ['2026-06-01T00:01:00Z', '2026-06-01T00:01:00Z'],
  ])('reads %s as %s', (text, expected) => {
    expect(parseIssuedBefore(text, now)).toBe(expected)
  })

  it.each(['2026-06-01', '2026-06-01T00:00:00', '10m', 'yesterday', '', '2026-13-01T00:00:00Z'])(
    'refuses "%s", which is no RFC 3339 time',
    (text) => {
      expect(() => parseIssuedBefore(text, now)).toThrow(UsageError)
    },
  )

  it('refuses a time that lies ahead, which would revoke what is not minted yet', () => {
    expect(() => parseIssuedBefore('2026-06-01T00:01:01Z', now)).toThrow('is in the future')
  })
})
