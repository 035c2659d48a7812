import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStrictJson } from '../../src/keys/strict-json.ts'

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
  })
})

function escape(text: string): string {
  return [...Array(text.length).keys()]
    .map((index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('')
}
