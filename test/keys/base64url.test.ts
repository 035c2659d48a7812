import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCanonicalBase64url } from '../../src/keys/base64url.ts'

describe('isCanonicalBase64url', () => {
  it('accepts exactly the texts that encoding gives', () => {
    const texts = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9_-]{0,9}$/),
      fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
      fc.string({ maxLength: 9 }),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const encoded = Buffer.from(text, 'base64url').toString('base64url')
        expect(isCanonicalBase64url(text)).toBe(text !== '' && encoded === text)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['nothing', ''],
    ['a single character', 'A'],
    ['padding', 'QQ=='],
    ['stray bits after one byte', 'QR'],
    ['stray bits after two bytes', 'QUF'],
    ['white space', 'QU I'],
    ['a line break at the end', 'QUI\n'],
    ['the alphabet of plain base64', '+/+/'],
  ])('refuses %s', (_, text) => {
    expect(isCanonicalBase64url(text)).toBe(false)
  })
})
