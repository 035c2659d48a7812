import type { Command } from 'commander'
import { formatTime } from '../../../time/clock.ts'
import type { DecodedToken } from '../../../tokens/decode.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { ConnectionFlags, Context } from '../session/context.ts'
import { UsageError } from '../terminal/failures.ts'
import { addOutput, type Format, printed } from '../terminal/output.ts'
import { table } from '../terminal/table.ts'
import { formatWhen } from '../terminal/times.ts'
import { readMountedToken, readToken } from '../session/token-input.ts'

interface Flags {
  readonly identity?: string
  readonly tokenName?: string
  readonly output?: Format
}

export function addDecode(program: Command, context: Context): void {
  const command = program
    .command('decode')
    .description('show the header and the claims of a token, without its signature; verifies nothing')
    .argument('[FILE]', 'file with the token, or - for standard input (default: -)')
    .option('--identity <NAME>', 'decode a token in the Secret of this identity, in place of a file')
    .option('--token-name <NAME>', 'name of the token in that Secret (default: the first token)')
  addOutput(addConnection(command), ['json', 'yaml'])
    .addHelpText(
      'after',
      `
Decoding a file or standard input needs no cluster. The token is never an argument, because the history of the shell and the
process list expose arguments.

Examples:
  kubectl signet decode /var/run/secrets/signet.dev/token
  kubectl exec deploy/orders -- cat /var/run/secrets/signet.dev/token | kubectl signet decode
  kubectl signet decode --identity orders --token-name payments -o json`,
    )
    .action((file?: string) => decode(context, command, file))
}

async function decode(context: Context, command: Command, file: string | undefined): Promise<void> {
  const flags = flagsOf(command, command.opts<Flags>())
  const token = await tokenOf(context, flags, file)
  if (await printed(context.terminal, token, flags.output)) return
  const now = context.clock.now()
  const rows = (part: DecodedToken['header']): string[][] =>
    Object.entries(part).map(([name, value]) => [name, shown(name, value, now)])
  context.terminal.out(`${table(['HEADER', ''], rows(token.header))}\n${table(['CLAIM', ''], rows(token.claims))}`)
  context.terminal.err('\nNothing of this has been verified.\n')
}

function tokenOf(context: Context, flags: Flags & ConnectionFlags, file: string | undefined): Promise<DecodedToken> {
  const { identity, tokenName } = flags
  if (identity === undefined) {
    if (tokenName !== undefined) throw new UsageError('--token-name requires --identity')
    return readToken(context.terminal, file ?? '-')
  }
  if (file !== undefined) throw new UsageError('use either a file or --identity')
  return context.connect(flags).then((session) => readMountedToken(session, identity, tokenName))
}

const times = new Set(['exp', 'iat', 'nbf', 'auth_time'])
/** The maximum of a Date, in seconds. */
const latest = 8.64e12

/** A claim as text. A NumericDate (RFC 7519 §2) is followed by the time in RFC 3339. */
function shown(name: string, value: unknown, now: number): string {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  if (!times.has(name) || typeof value !== 'number' || Math.abs(value) > latest) return text
  const time = formatTime(value * 1000)
  return `${text} (${time}, ${formatWhen(time, now)})`
}
