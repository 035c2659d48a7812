import { describe, expect, it } from 'vitest'
import { isCertificateError, lossOf, retryDelay } from '../../../src/kube/client/retry.ts'

const delay = (more: Partial<Parameters<typeof retryDelay>[0]>) =>
  retryDelay({ attempt: 1, idempotent: true, status: 0, random: () => 0.5, ...more })

describe('retryDelay', () => {
  it.each([
    [{ status: 429 }, true],
    [{ status: 503 }, true],
    [{ status: 504 }, true],
    [{ status: 500 }, false],
    [{ status: 409 }, false],
    [{ loss: 'lost' }, true],
    [{ loss: 'not-sent' }, true],
    [{}, false],
    [{ status: 503, idempotent: false }, false],
    [{ loss: 'lost', idempotent: false }, false],
    [{ status: 429, idempotent: false }, true],
    [{ loss: 'not-sent', idempotent: false }, true],
    [{ status: 503, attempt: 5 }, false],
  ] as const)('of %j says whether to try again: %s', (failure, again) => {
    expect(delay(failure) !== undefined).toBe(again)
  })

  it('grows with full jitter and a limit', () => {
    expect([1, 2, 3, 4].map((attempt) => delay({ attempt, status: 503 }))).toEqual([100, 200, 400, 800])
    expect(delay({ status: 503, random: () => 0 })).toBe(0)
  })

  it('is at least what Retry-After says, and a little spread', () => {
    expect(delay({ status: 429, retryAfterMs: 4_000, random: () => 0 })).toBe(4_000)
    expect(delay({ status: 429, retryAfterMs: 4_000, random: () => 1 })).toBe(5_000)
  })
})

describe('lossOf', () => {
  it.each([
    ['ECONNREFUSED', 'not-sent'],
    ['UND_ERR_CONNECT_TIMEOUT', 'not-sent'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'not-sent'],
    ['CERT_HAS_EXPIRED', 'not-sent'],
    ['ECONNRESET', 'lost'],
    ['UND_ERR_SOCKET', 'lost'],
    ['UND_ERR_HEADERS_TIMEOUT', 'lost'],
    ['UND_ERR_ABORTED', undefined],
    ['EACCES', undefined],
  ])('of %s is %s', (code, loss) => {
    expect(lossOf(Object.assign(new Error('x'), { code }))).toBe(loss)
  })

  it('of what has no code is undefined', () => {
    for (const thrown of [new Error('x'), null, 'ECONNRESET', { code: 5 }]) expect(lossOf(thrown)).toBeUndefined()
  })

  it('tells a certificate that does not verify', () => {
    expect(isCertificateError({ code: 'SELF_SIGNED_CERT_IN_CHAIN' })).toBe(true)
    expect(isCertificateError({ code: 'ECONNRESET' })).toBe(false)
  })
})
