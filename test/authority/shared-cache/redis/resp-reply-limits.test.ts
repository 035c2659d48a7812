import { expect, it } from 'vitest'
import { ReplyLimits } from '../../../../src/authority/shared-cache/redis/resp-reply-limits.ts'

const good = [
  '+OK\r\n',
  '-NOAUTH Authentication required, and a line that is rather long\r\n',
  ':1000\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  // What looks like a header is a value.
  '$13\r\n*33000000\r\n%1\r\n',
  '*-1\r\n',
  '*0\r\n',
  '*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n',
  '*16384\r\n',
].join('')

it.each([1, 2, 3, 7, good.length])('takes whatever Redis answers, in pieces of %d bytes', (size) => {
  const shape = new ReplyLimits()
  const bytes = Buffer.from(good)
  for (let at = 0; at < bytes.length; at += size) {
    expect(shape.problemIn(bytes.subarray(at, at + size))).toBeUndefined()
  }
})

it.each([
  '*16385\r\n',
  '*33000000\r\n',
  '*1x\r\n',
  '*-2\r\n',
  '$-2\r\n',
  '$x\r\n',
  '$99999999999999999999999999\r\n',
  // Of RESP 3, which is not spoken.
  '%33000000\r\n',
  '~33000000\r\n',
  '>2\r\n',
  'HTTP/1.1 400 Bad Request\r\n',
  '\r\n',
  '$1\r\nx\r\n*17000\r\n',
])('takes %j for no answer, in one piece or many', (text) => {
  const problem = 'invalid Redis protocol'
  expect(new ReplyLimits().problemIn(Buffer.from(text))).toBe(problem)
  const shape = new ReplyLimits()
  const bytes = Buffer.from(text)
  const found = Array.from(bytes, (_, at) => shape.problemIn(bytes.subarray(at, at + 1))).filter(
    (one) => one !== undefined,
  )
  expect(found[0]).toBe(problem)
})

it('holds no more of a line than a length can have', () => {
  const shape = new ReplyLimits()
  const long = Buffer.alloc(1024 * 1024, '+')
  for (let count = 0; count < 100; count += 1) expect(shape.problemIn(long)).toBeUndefined()
  expect(shape.problemIn(Buffer.from('\r\n$1\r\nx\r\n'))).toBeUndefined()
})
