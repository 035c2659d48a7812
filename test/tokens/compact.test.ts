import { describe, expect, it } from 'vitest'
import { maxTokenLength, parseCompact } from '../../src/tokens/compact.ts'
import { encode, makeToken } from '../builders/token.ts'

const token = await makeToken()
const [header = '', claims = '', signature = ''] = token.split('.')

/** The same bytes in another spelling: the last character with its unused bits set. */
function respell(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = alphabet[alphabet.indexOf(part.at(-1) ?? '') + 1] ?? ''
  const respelled = part.slice(0, -1) + other
  expect(Buffer.from(respelled, 'base64url')).toEqual(Buffer.from(part, 'base64url'))
  return respelled
}

/** Text whose encoding ends in unused bits. */
const padded = (text: string): string => text + ' '.repeat((4 - (text.length % 3)) % 3)

describe('parseCompact', () => {
  it('takes a token apart', () => {
    const parsed = parseCompact(token)
    expect(parsed.signingInput).toBe(`${header}.${claims}`)
    expect(parsed.signature).toEqual(Buffer.from(signature, 'base64url'))
    expect(parsed.header).toMatchObject({ alg: 'ES256' })
    expect(parsed.claims).toMatchObject({ jti: 'token-1' })
  })

  it('reads 8192 characters and not one more', () => {
    const starts = ['', 'x', 'xx'].map((filler) => `${header}.${encode(JSON.stringify({ filler }))}.`)
    // Of four lengths base64url has three: here those of the longest and of one more are two of them.
    const start = starts.find(({ length }) => (maxTokenLength - length) % 4 >= 2) ?? ''
    const longest = start + 'A'.repeat(maxTokenLength - start.length)
    expect(parseCompact(longest).claims).toHaveProperty('filler')
    expect(() => parseCompact(`${longest}A`)).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_MALFORMED' }))
  })

  const notUtf8 = Buffer.from('{"alg":"ES256","x":"\xff"}', 'latin1')
  it.each<[string, unknown]>([
    ['nothing', ''],
    ['no text', undefined],
    ['a list holding a token', [token]],
    ['two parts', `${header}.${claims}`],
    ['an empty signature', `${header}.${claims}.`],
    ['an empty header', `.${claims}.${signature}`],
    ['an empty claims set', `${header}..${signature}`],
    ['four parts', `${token}.${signature}`],
    ['the five parts of an encrypted token', `${header}.${claims}.${signature}.${signature}.${signature}`],
    ['padding at the end', `${token}==`],
    ['padding of the header', `${header}=.${claims}.${signature}`],
    ['white space in the signature', `${header}.${claims}.${signature.slice(0, 9)} ${signature.slice(9)}`],
    ['a line break at the end', `${token}\n`],
    ['a space at the beginning', ` ${token}`],
    ['a byte of zero', `${token}\0`],
    ['plain base64', `${header}.${claims}.${'+/'.repeat(43)}`],
    ['another spelling of the signature', `${header}.${claims}.${respell(signature)}`],
    ['another spelling of the header', `${respell(encode(padded('{"alg":"ES256"}')))}.${claims}.${signature}`],
    ['another spelling of the claims', `${header}.${respell(encode(padded('{"jti":"1"}')))}.${signature}`],
    ['a header that is not JSON', `${encode('{alg:"ES256"}')}.${claims}.${signature}`],
    ['a header that is a list', `${encode('["ES256"]')}.${claims}.${signature}`],
    ['a header that is null', `${encode('null')}.${claims}.${signature}`],
    ['a header that is a text', `${encode('"ES256"')}.${claims}.${signature}`],
    ['claims that are a number', `${header}.${encode('12345')}.${signature}`],
    ['a header that is not UTF-8', `${encode(notUtf8)}.${claims}.${signature}`],
    ['a header with a byte order mark', `${encode('\ufeff{"alg":"ES256"}')}.${claims}.${signature}`],
    ['a repeated header parameter', `${encode('{"alg":"none","alg":"ES256"}')}.${claims}.${signature}`],
    ['a repeated claim', `${header}.${encode('{"sub":"a","exp":1,"sub":"b"}')}.${signature}`],
    ['a repeated claim in disguise', `${header}.${encode('{"sub":"a","\\u0073ub":"b"}')}.${signature}`],
    ['a repeated member within a claim', `${header}.${encode('{"act":{"sub":"a","sub":"b"}}')}.${signature}`],
    ['a member __proto__', `${header}.${encode('{"__proto__":{"sub":"a"}}')}.${signature}`],
    ['claims nested too deep', `${header}.${encode('{"a":'.repeat(17) + '1' + '}'.repeat(17))}.${signature}`],
  ])('refuses %s', (_, text) => {
    expect(() => parseCompact(text as string)).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_MALFORMED' }))
  })
})
