import { describe, expect, it } from 'vitest'
import { CircuitBreaker } from '../../../../src/authority/shared-cache/redis/circuit-breaker.ts'

describe('the circuit breaker', () => {
  it('opens with the last of so many failures in a row, and says so once', () => {
    const breaker = new CircuitBreaker({ failures: 3 })
    expect([breaker.failed(), breaker.failed(), breaker.open]).toEqual([false, false, false])
    expect([breaker.failed(), breaker.open]).toEqual([true, true])
    expect([breaker.failed(), breaker.open]).toEqual([false, true])
  })

  it('counts anew after a success', () => {
    const breaker = new CircuitBreaker({ failures: 2 })
    breaker.failed()
    breaker.succeeded()
    expect([breaker.failed(), breaker.open]).toEqual([false, false])
    expect(breaker.failed()).toBe(true)
  })

  it('is closed by a probe alone, not by an answer that was on its way', () => {
    const breaker = new CircuitBreaker({ failures: 1 })
    breaker.failed()
    breaker.succeeded()
    expect(breaker.open).toBe(true)
    breaker.close()
    expect([breaker.open, breaker.failed()]).toEqual([false, true])
  })
})
