import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRecord, member, parseStrictJson, sameJson, textMember } from '../src/json.ts'

describe('parseStrictJson', () => {
  it('reads every value that JSON can carry', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        fc.pre(!text.includes('__proto__'))
        expect(parseStrictJson(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses a member written twice, wherever it is and however it is escaped', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 6 }),
        fc.jsonValue({ maxDepth: 2 }),
        fc.jsonValue({ maxDepth: 2 }),
        fc.boolean(),
        fc.constantFrom('%', '[%]', '{"outer":%}', '[0,{"a":":","b":[%]}]'),
        (name, one, other, escaped, around) => {
          const again = escaped ? `"${escape(name)}"` : JSON.stringify(name)
          const text = `{${JSON.stringify(name)}:${JSON.stringify(one)},${again}:${JSON.stringify(other)}}`
          expect(parseStrictJson(around.replace('%', () => text))).toBeUndefined()
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a __proto__ member', '{"a":{"__proto__":{"admin":true}}}'],
    ['an escaped __proto__ member', '{"\\u005f_proto__":1}'],
    ['a byte order mark', '\ufeff{}'],
    ['text after the value', '{} {}'],
    ['an open string', '{"a":"b'],
    ['a comma too many', '{"a":1,}'],
    ['a comment', '{"a":1/*:*/}'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(parseStrictJson(text)).toBeUndefined()
  })

  it('reads 16 levels and refuses the 17th', () => {
    expect(parseStrictJson('['.repeat(16) + ']'.repeat(16))).toBeDefined()
    expect(parseStrictJson('['.repeat(17) + ']'.repeat(17))).toBeUndefined()
    expect(parseStrictJson('{"a":'.repeat(4000))).toBeUndefined()
    expect(parseStrictJson('[ 1, '.repeat(16) + '[]' + ' ]'.repeat(16))).toBeUndefined()
    expect(parseStrictJson('{"a":1, "b": '.repeat(16) + '[]' + '}'.repeat(16))).toBeUndefined()
  })

  it('counts levels, not lists and objects', () => {
    expect(parseStrictJson(`[${'[],{},'.repeat(100)}1]`)).toHaveLength(201)
  })
})

function escape(text: string): string {
  return [...Array(text.length).keys()]
    .map((index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('')
}

describe('member', () => {
  it('gives what an object itself has, whatever it is called', () => {
    const value: unknown = JSON.parse('{"a":1,"b":null,"__proto__":{"c":2},"toString":3}')
    expect(['a', 'b', 'toString', '__proto__'].map((name) => member(value, name))).toEqual([1, null, 3, { c: 2 }])
    expect(member(value, 'c')).toBeUndefined()
  })

  it('ignores inherited members, and returns undefined for values that are not objects', () => {
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

describe('sameJson', () => {
  it('does not depend on the order of members, at any depth', () => {
    expect(sameJson({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true)
  })

  it('tells values, members, orders of lists and a missing value apart', () => {
    expect(sameJson({ a: 1 }, { a: 2 })).toBe(false)
    expect(sameJson({ a: 1 }, { a: 1, b: 1 })).toBe(false)
    expect(sameJson({ a: [1, 2] }, { a: [2, 1] })).toBe(false)
    expect(sameJson(undefined, {})).toBe(false)
  })
})
