import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { messageOf } from '../../../errors.ts'
import { redact } from '../../../telemetry/redact.ts'
import { CommandError, UsageError } from './failures.ts'

/** The standard streams of a command. */
export interface Terminal {
  /** Writes results to standard output. */
  out(text: string): void
  /** Writes progress, warnings and errors to standard error. */
  err(text: string): void
  /** Whether standard input is a terminal. */
  readonly interactive: boolean
  /** The answer; empty at the end of the input. */
  ask(question: string): Promise<string>
  /** The text of a file, or of standard input for `-`. */
  read(file: string): Promise<string>
}

/** The maximum size of an input, in characters. No token is longer. */
const maxInput = 65_536

/** The standard streams of this process. `redact` removes tokens from the output. */
export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(redact(text)),
  err: (text) => void process.stderr.write(redact(text)),
  interactive: process.stdin.isTTY,
  ask: (question) =>
    new Promise((resolve) => {
      let answered = false
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      lines.once('close', () => {
        // After Ctrl-C and Ctrl-D, the cursor is still on the line of the question.
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
      if (text.length > maxInput)
        throw new UsageError(`${name} has more than ${maxInput} bytes, and no token is that long`)
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new CommandError(`cannot read ${name}: ${messageOf(error)}`, { cause: error })
  }
  return text
}
