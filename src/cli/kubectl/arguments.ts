import { redact } from '../../telemetry/redact.ts'
import { UsageError } from './terminal/failures.ts'

/** One key ID in 64 begins with a dash (it is a SHA-256 in base64url) and would be read as flags. */
const dashedKeyID = /^-[A-Za-z0-9_][A-Za-z0-9_-]{41}$/

/**
 * The arguments as they are to be read: key IDs that begin with a dash go behind `--`. Throws UsageError where one of
 * them is a token, which the shell's history and the process list would keep; the message does not repeat it.
 */
export function prepareArguments(given: readonly string[]): string[] {
  if (given.some((argument) => redact(argument) !== argument)) {
    throw new UsageError(
      'an argument is a token: give it as a file or on standard input (-), where nobody else reads it',
    )
  }
  const end = given.indexOf('--')
  const [flags, rest] = end === -1 ? [given, []] : [given.slice(0, end), given.slice(end + 1)]
  const dashed = flags.filter((argument) => dashedKeyID.test(argument))
  const others = flags.filter((argument) => !dashedKeyID.test(argument))
  return end === -1 && dashed.length === 0 ? others : [...others, '--', ...dashed, ...rest]
}
