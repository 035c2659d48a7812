import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFormType, parseForm } from '../../../src/authority/oauth/form.ts'
import { OAuthError } from '../../../src/authority/oauth/oauth-error.ts'

const parse = (text: string) => Object.fromEntries(parseForm(Buffer.from(text)))

describe('isFormType', () => {
  it.each([
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-Urlencoded',
    'application/x-www-form-urlencoded;charset=UTF-8',
    'application/x-www-form-urlencoded ; charset="utf-8"',
  ])('takes %s', (type) => expect(isFormType(type)).toBe(true))

  it.each([
    undefined,
    '',
    'application/json',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded2',
    'application/x-www-form-urlencoded; charset=utf-16',
    'application/x-www-form-urlencoded; boundary=x',
    'application/x-www-form-urlencoded, application/json',
    'text/plain; application/x-www-form-urlencoded',
  ])('refuses %s', (type) => expect(isFormType(type)).toBe(false))
})

describe('parseForm', () => {
  it.each([
    ['', {}],
    ['a=b', { a: 'b' }],
    ['a=b&c=d', { a: 'b', c: 'd' }],
    ['a=b=c&d=%3D%26', { a: 'b=c', d: '=&' }],
    ['a=x+y%20z%2B', { a: 'x y z+' }],
    ['a=%C3%A9', { a: 'é' }],
    ['%61=b', { a: 'b' }],
    ['a=&b=c', { b: 'c' }],
    ['a&b=c', { b: 'c' }],
    [
      '__proto__=x&constructor=y',
      Object.fromEntries([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    ],
  ])('reads %s', (text, expected) => expect(parse(text)).toEqual(expected))

  it.each([
    ['a=b&a=c', 'sent twice'],
    ['a=b&a=b', 'sent twice'],
    ['a=&a=b', 'sent twice'],
    ['a=b&a=', 'sent twice'],
    ['a=b&%61=c', 'sent twice'],
    ['=b', 'no name'],
    ['a=b&', 'no name'],
    ['&a=b', 'no name'],
    ['a=%', 'UTF-8'],
    ['a=%zz', 'UTF-8'],
    ['a=%C3', 'UTF-8'],
    ['a=%C0%80', 'UTF-8'],
    ['a=%ED%A0%80', 'UTF-8'],
    ['a=é', 'not percent-encoded'],
    ['a=b c', 'not percent-encoded'],
    ['a=b\n', 'not percent-encoded'],
    ['a=\0', 'not percent-encoded'],
    [Array.from({ length: 33 }, (_, index) => `p${index}=`).join('&'), 'more than 32'],
  ])('refuses %s', (text, message) => {
    expect(() => parse(text)).toThrow(OAuthError)
    expect(() => parse(text)).toThrow(`invalid_request: `)
    expect(() => parse(text)).toThrow(message)
  })

  it('reads 32 parameters', () => {
    const text = Array.from({ length: 32 }, (_, index) => `p${index}=x`).join('&')
    expect(Object.keys(parse(text))).toHaveLength(32)
  })

  it('reads what URLSearchParams writes, whatever the names and values', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 32 }), (pairs) => {
        const usable = pairs.filter(([name]) => name !== '')
        const form = parseForm(Buffer.from(new URLSearchParams(usable).toString()))
        expect([...form]).toEqual(usable.filter(([, value]) => value !== ''))
      }),
    )
  })
})
