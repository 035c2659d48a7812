import { CommandError, UsageError } from './failures.ts'
import type { Terminal } from './terminal.ts'

/**
 * Asks for confirmation of an irreversible operation. Without `--yes`, throws UsageError if standard input is no terminal,
 * and CommandError if the answer is not yes.
 */
export async function confirm(terminal: Terminal, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return
  if (!terminal.interactive) {
    throw new UsageError('this cannot be undone, and standard input is not a terminal: confirm with --yes')
  }
  const answer = await terminal.ask(`${question}\nThis cannot be undone. Continue? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('nothing was revoked')
}
