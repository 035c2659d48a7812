import { describe, expect, it } from 'vitest'
import { isRecord, member, textMember } from '../../src/webhook/json.ts'

describe('member', () => {
  it('gives what an object itself has, whatever it is called', () => {
    const value: unknown = JSON.parse('{"a":1,"b":null,"__proto__":{"c":2},"toString":3}')
    expect(['a', 'b', 'toString', '__proto__'].map((name) => member(value, name))).toEqual([1, null, 3, { c: 2 }])
    expect(member(value, 'c')).toBeUndefined()
  })

  it('gives nothing that is inherited, and nothing of what is no object', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'length']) expect(member({}, name)).toBeUndefined()
    for (const value of [undefined, null, 'text', 7, ['x']]) {
      expect(member(value, 'length')).toBeUndefined()
      expect(member(value, '0')).toBeUndefined()
    }
  })
})

describe('textMember', () => {
  it('gives texts only', () => {
    expect([textMember({ a: '' }, 'a'), textMember({ a: 1 }, 'a'), textMember({ a: null }, 'a')]).toEqual([
      '',
      undefined,
      undefined,
    ])
  })
})

describe('isRecord', () => {
  it('is for objects, not for lists and null', () => {
    expect([{}, [], null, 'x', undefined].map(isRecord)).toEqual([true, false, false, false, false])
  })
})
