import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** One step of `npm test` beside the tests; times are milliseconds since the epoch. */
export interface StepTime {
  readonly name: string
  readonly began: number
  readonly ended: number
}

/** The file that several processes of one `npm test` append to. Outside `npm test` no step is noted. */
export const stepTimesVariable = 'SIGNET_STEP_TIMES'

export function noteStep(name: string, began: number, ended = Date.now()): void {
  const file = process.env[stepTimesVariable]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, began, ended })}\n`)
}

/** Runs a task and notes its time, also where the task fails. */
export async function timed<T>(name: string, task: () => Promise<T>): Promise<T> {
  const began = Date.now()
  try {
    return await task()
  } finally {
    noteStep(name, began)
  }
}

export function notedSteps(): StepTime[] {
  const file = process.env[stepTimesVariable]
  if (file === undefined || !existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as StepTime)
}
