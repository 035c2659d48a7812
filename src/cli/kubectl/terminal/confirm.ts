import { CommandError, UsageError } from './failures.ts'
import type { Terminal } from './terminal.ts'

/**
 * Asks before something that cannot be undone. Throws UsageError where nobody can be asked and `--yes` is not given,
 * CommandError where the answer is anything but yes.
 */
export async function confirm(terminal: Terminal, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return
  if (!terminal.interactive) {
    throw new UsageError('this cannot be undone, and standard input is no terminal to ask on: give --yes')
  }
  const answer = await terminal.ask(`${question}\nThis cannot be undone. Go on? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('nothing was revoked')
}
