import { SignetError } from '../../../errors.ts'

/**
 * `ERR_REDIS`: a command failed. `answered` means that the server is healthy and refused the command. The reason is one of
 * the codes below, never the server's text, which may repeat keys, values and passwords.
 */
export class RedisFailure extends SignetError {
  readonly answered: boolean
  readonly reason: string

  constructor(reason: string, answered: boolean) {
    super('ERR_REDIS', `redis: ${reason}`)
    this.reason = reason
    this.answered = answered
  }
}

/** Codes of connection failures, which may appear anywhere in a message. */
const known =
  /\b(NOAUTH|WRONGPASS|NOPERM|LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|ECONN[A-Z]+|E[A-Z]*TIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/

/** Converts any error of ioredis. */
export function failureOf(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error
  if (!(error instanceof Error)) return new RedisFailure('unknown failure', false)
  if (error.name === 'ReplyError')
    return new RedisFailure(/^[A-Z]{2,30}(?= |$)/.exec(error.message)?.[0] ?? 'ERR', true)
  if ('lastNodeError' in error && error.lastNodeError instanceof Error) return failureOf(error.lastNodeError)
  if ('code' in error && typeof error.code === 'string' && /^[A-Z0-9_]{2,60}$/.test(error.code)) {
    return new RedisFailure(error.code, false)
  }
  const { message } = error
  const code = known.exec(message)?.[0]
  if (code !== undefined) return new RedisFailure(code, false)
  if (message.startsWith('All sentinels are unreachable')) return new RedisFailure('no Sentinel knows a master', false)
  if (message.startsWith('Socket timeout')) return new RedisFailure('no reply', false)
  if (message.startsWith('more than')) return new RedisFailure('reply too large', false)
  return new RedisFailure('not connected', false)
}
