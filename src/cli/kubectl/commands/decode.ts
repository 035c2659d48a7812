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
    .description('show header and claims of a token, never its signature; nothing is verified')
    .argument('[FILE]', 'file with the token; - or nothing for standard input')
    .option('--identity <NAME>', "the token in this identity's Secret, in place of a file")
    .option('--token-name <NAME>', 'which of its tokens (default: the first)')
  addOutput(addConnection(command), ['json', 'yaml'])
    .addHelpText(
      'after',
      `
A file or standard input is read without any cluster. The token is never given as an argument, where the shell's history
and the process list would keep it.

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
  context.terminal.err('\nNothing of this is verified.\n')
}

function tokenOf(context: Context, flags: Flags & ConnectionFlags, file: string | undefined): Promise<DecodedToken> {
  const { identity, tokenName } = flags
  if (identity === undefined) {
    if (tokenName !== undefined) throw new UsageError('--token-name names a token of an identity: give --identity too')
    return readToken(context.terminal, file ?? '-')
  }
  if (file !== undefined) throw new UsageError('give either a file or --identity')
  return context.connect(flags).then((session) => readMountedToken(session, identity, tokenName))
}

const times = new Set(['exp', 'iat', 'nbf', 'auth_time'])
/** Seconds that a Date can hold. */
const latest = 8.64e12

/** A time claim is seconds since the epoch (RFC 7519 §2); it is shown as people write times, too. */
function shown(name: string, value: unknown, now: number): string {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  if (!times.has(name) || typeof value !== 'number' || Math.abs(value) > latest) return text
  const time = formatTime(value * 1000)
  return `${text} (${time}, ${formatWhen(time, now)})`
}
