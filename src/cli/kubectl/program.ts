import { Command, CommanderError } from 'commander'
import { messageOf } from '../../errors.ts'
import { version } from '../version.ts'
import { addDecode } from './commands/decode.ts'
import { addList } from './commands/list.ts'
import { addRevokeKey } from './commands/revoke-key.ts'
import { addRevokeToken } from './commands/revoke-token.ts'
import { addRotateKey } from './commands/rotate-key.ts'
import { addShow } from './commands/show.ts'
import { prepareArguments } from './arguments.ts'
import { addConnection } from './session/connection.ts'
import type { ConnectionFlags, Context, Session } from './session/context.ts'
import { remedyOf, UsageError } from './terminal/failures.ts'
import { printable } from './terminal/table.ts'

const commands = [addList, addShow, addRotateKey, addRevokeKey, addRevokeToken, addDecode]

/** Runs one command line. The exit code: 0 success, 1 failure, 2 wrong usage. */
export async function runPlugin(given: readonly string[], context: Context): Promise<number> {
  const sessions: Session[] = []
  const connect = async (flags: ConnectionFlags): Promise<Session> => {
    const session = await context.connect(flags)
    sessions.push(session)
    return session
  }
  try {
    await createPlugin({ ...context, connect }).parseAsync(prepareArguments(given), { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const message = `${messageOf(error)}${remedyOf(error, sessions[0]?.server)}`
    context.terminal.err(`kubectl signet: ${printable(message)}\n`)
    return error instanceof UsageError ? 2 : 1
  } finally {
    await Promise.all(sessions.map((session) => session.close()))
  }
}

/** The command line of the plugin. */
export function createPlugin(context: Context): Command {
  const { terminal } = context
  const program = new Command('kubectl signet')
    .description('list, rotate and revoke the keys and tokens of identities')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(--help shows usage and examples)')
    .enablePositionalOptions()
    .addHelpText('after', '\nExamples:\n  kubectl signet list --all-namespaces\n  kubectl signet show orders -n shop')
  addConnection(program)
  for (const add of commands) add(program, context)
  return program
}
