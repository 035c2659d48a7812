import { describe, expect, it } from 'vitest'
import { failureOf, RedisFailure } from '../../../../src/authority/shared-cache/redis/redis-failure.ts'

function errorOf(name: string, message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), { name }, fields)
}

describe('what a failure of the Redis client means', () => {
  it.each([
    ['a refusal', errorOf('ReplyError', 'OOM command not allowed'), 'OOM', true],
    ['a refusal of its own word', errorOf('ReplyError', 'WRONGTYPE Operation against'), 'WRONGTYPE', true],
    ['a refusal without a code', errorOf('ReplyError', 'wrong'), 'ERR', true],
    ['a refused connection', errorOf('Error', 'connect', { code: 'ECONNREFUSED' }), 'ECONNREFUSED', false],
    [
      'a bad certificate',
      errorOf('Error', 'x', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
      'SELF_SIGNED_CERT_IN_CHAIN',
      false,
    ],
    [
      'silence',
      errorOf('Error', "Socket timeout. Expecting data, but didn't receive any in 500ms."),
      'no reply',
      false,
    ],
    ['a flood', errorOf('Error', 'more than 4194304 bytes in one reply'), 'reply too large', false],
    [
      'no Sentinel',
      errorOf('Error', 'All sentinels are unreachable and retry is disabled.'),
      'no Sentinel knows a master',
      false,
    ],
    [
      'Sentinels that want a password',
      errorOf(
        'Error',
        'All sentinels are unreachable and retry is disabled. Last error: NOAUTH Authentication required',
      ),
      'NOAUTH',
      false,
    ],
    [
      'a cluster that is gone',
      errorOf('E', 'Failed', { lastNodeError: errorOf('E', 'x', { code: 'ENOTFOUND' }) }),
      'ENOTFOUND',
      false,
    ],
    ['a closed connection', errorOf('Error', 'Connection is closed.'), 'not connected', false],
    ['no error at all', 'text', 'unknown failure', false],
  ])('%s', (_title, error, reason, answered) => {
    expect(failureOf(error)).toMatchObject({ reason, answered, code: 'ERR_REDIS' })
  })

  it('I3: repeats nothing of what a server says, which may be what it was sent', () => {
    const said = "ERR unknown command 'AUTH', with args beginning with: 'signet' 'hunter2' "
    for (const name of ['ReplyError', 'Error']) {
      const failure = failureOf(errorOf(name, said, { command: { name: 'auth', args: ['hunter2'] } }))
      expect(failure).toBeInstanceOf(RedisFailure)
      const { message, cause, stack } = failure
      expect(`${JSON.stringify(failure)} ${JSON.stringify({ message, cause, stack })}`).not.toContain('hunter2')
    }
  })
})
