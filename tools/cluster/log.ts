import { readFile } from 'node:fs/promises'

export type Log = (line: string) => void

export const silent: Log = () => undefined

/** The end of a log file, for the message of an error. Empty if there is no such file. */
export async function logTail(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

/** An error that names the log file and shows its last lines. */
export async function errorWithLog(message: string, file: string): Promise<Error> {
  return new Error(`${message}; last lines of ${file}:\n${await logTail(file)}`)
}
