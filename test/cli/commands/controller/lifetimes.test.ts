import { describe, expect, it } from 'vitest'
import { checkControllerLifetimes } from '../../../../src/cli/commands/controller/lifetimes.ts'
import { DAY, HOUR, MINUTE } from '../../../../src/time/duration.ts'

const lifetimes = { caLifetime: 365 * DAY, servingCertificateLifetime: 30 * DAY }

describe('the lifetimes that the controller is started with', () => {
  it.each([
    ['the defaults', {}],
    ['the shortest', { caLifetime: HOUR, servingCertificateLifetime: 10 * MINUTE }],
    ['a quarter', { caLifetime: 4 * HOUR, servingCertificateLifetime: HOUR }],
  ])('may be %s', (_, differences) => {
    expect(() => checkControllerLifetimes({ ...lifetimes, ...differences })).not.toThrow()
  })

  it.each([
    [{ caLifetime: HOUR - 1, servingCertificateLifetime: 10 * MINUTE }, '--ca-lifetime: must be at least 1h'],
    [{ servingCertificateLifetime: 10 * MINUTE - 1 }, '--serving-certificate-lifetime: must be at least 10m'],
    [
      { caLifetime: 4 * HOUR, servingCertificateLifetime: HOUR + 1 },
      '--serving-certificate-lifetime: must be at most a quarter of --ca-lifetime',
    ],
  ])('may not be %j', (differences, message) => {
    expect(() => checkControllerLifetimes({ ...lifetimes, ...differences })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message }),
    )
  })
})
