import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { messageOf } from '../../../errors.ts'
import { redact } from '../../../telemetry/redact.ts'
import { CommandError, UsageError } from './failures.ts'

/** Where a command reads and writes. */
export interface Terminal {
  /** Results. */
  out(text: string): void
  /** Progress, warnings and errors. */
  err(text: string): void
  /** Whether there is somebody to ask. */
  readonly interactive: boolean
  /** The answer; empty where the input ends. */
  ask(question: string): Promise<string>
  /** The text of a file, or of standard input for `-`. */
  read(file: string): Promise<string>
}

/** More than any token has; whoever gives more has given something else. */
const maxInput = 65_536

/** Standard input, output and error of this process. Whatever looks like a token is never written. */
export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(redact(text)),
  err: (text) => void process.stderr.write(redact(text)),
  interactive: process.stdin.isTTY,
  ask: (question) =>
    new Promise((resolve) => {
      let answered = false
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      lines.once('close', () => {
        // Ctrl-C and Ctrl-D leave the cursor behind the question.
        if (!answered) process.stderr.write('\n')
        resolve('')
      })
      lines.question(redact(question), (answer) => {
        answered = true
        resolve(answer)
        lines.close()
      })
    }),
  read: async (file) => {
    if (file === '-') return bounded(process.stdin, 'standard input')
    const handle = await open(file).catch((error: unknown) => {
      throw new CommandError(`cannot read file: ${messageOf(error)}`, { cause: error })
    })
    return bounded(handle.createReadStream(), file)
  },
}

async function bounded(stream: AsyncIterable<unknown>, name: string): Promise<string> {
  let text = ''
  try {
    for await (const part of stream) {
      text += String(part)
      if (text.length > maxInput) throw new UsageError(`${name} has more than ${maxInput} bytes: that is no token`)
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new CommandError(`cannot read ${name}: ${messageOf(error)}`, { cause: error })
  }
  return text
}
