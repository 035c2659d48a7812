import { describe, expect, it } from 'vitest'
import { TokenMemo } from '../../src/tokens/token-memo.ts'

const tail = 's'.repeat(86)
const tokenOf = (text: string) => `${text}.${tail}`
const distinct = (number: number) => `header.claims.${String(number).padStart(86, '0')}`

describe('TokenMemo', () => {
  it('has what was kept of a text, until that is taken out', () => {
    const memo = new TokenMemo<string>(10_000)
    memo.set(tokenOf('one'), 'found')
    expect(memo.get(tokenOf('one'))).toBe('found')
    memo.delete(tokenOf('one'))
    expect(memo.get(tokenOf('one'))).toBeUndefined()
  })

  it('has nothing of another text with the same end, nor of a part of one', () => {
    const memo = new TokenMemo<string>(10_000)
    memo.set(tokenOf('one'), 'found')
    for (const other of [tokenOf('two'), tokenOf('one').slice(1), `x${tokenOf('one')}`, tail, '']) {
      expect(memo.get(other)).toBeUndefined()
    }
    expect(memo.get(tokenOf('one'))).toBe('found')
  })

  it('keeps those used last, within its bytes', () => {
    const memo = new TokenMemo<number>(10 * (1000 + 3 * distinct(0).length))
    for (let number = 0; number < 10; number += 1) memo.set(distinct(number), number)
    expect(memo.get(distinct(0))).toBe(0)
    for (let number = 10; number < 19; number += 1) memo.set(distinct(number), number)
    expect(memo.size).toBe(10)
    expect(memo.get(distinct(0))).toBe(0)
    expect(memo.get(distinct(9))).toBeUndefined()
  })

  it('keeps nothing in 0 bytes', () => {
    const memo = new TokenMemo<string>(0)
    memo.set(tokenOf('one'), 'found')
    expect([memo.get(tokenOf('one')), memo.size]).toEqual([undefined, 0])
  })
})
