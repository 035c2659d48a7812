import { redact } from '../../telemetry/redact.ts'
import { UsageError } from './terminal/failures.ts'

/** A key ID is a SHA-256 in base64url: one in 64 begins with a dash, and commander would parse it as flags. */
const dashedKeyID = /^-[A-Za-z0-9_][A-Za-z0-9_-]{41}$/

/**
 * Moves key IDs that begin with a dash behind `--`. Throws UsageError if an argument is a token, because the history of the
 * shell and the process list expose arguments; the message does not repeat the token.
 */
export function prepareArguments(given: readonly string[]): string[] {
  if (given.some((argument) => redact(argument) !== argument)) {
    throw new UsageError(
      'an argument is a token, and other users can read arguments: pass the token as a file or on standard input (-)',
    )
  }
  const end = given.indexOf('--')
  const [flags, rest] = end === -1 ? [given, []] : [given.slice(0, end), given.slice(end + 1)]
  const dashed = flags.filter((argument) => dashedKeyID.test(argument))
  const others = flags.filter((argument) => !dashedKeyID.test(argument))
  return end === -1 && dashed.length === 0 ? others : [...others, '--', ...dashed, ...rest]
}
