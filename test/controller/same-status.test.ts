import { describe, expect, it } from 'vitest'
import { sameStatus } from '../../src/controller/same-status.ts'

describe('a status', () => {
  it('is the same in whatever order its members are, at every depth', () => {
    expect(sameStatus({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true)
  })

  it('is another where a value, a member or the order of a list differs, or where there was none', () => {
    expect(sameStatus({ a: 1 }, { a: 2 })).toBe(false)
    expect(sameStatus({ a: 1 }, { a: 1, b: 1 })).toBe(false)
    expect(sameStatus({ a: [1, 2] }, { a: [2, 1] })).toBe(false)
    expect(sameStatus(undefined, {})).toBe(false)
  })
})
