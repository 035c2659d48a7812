import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { verdictLimitMs, type Verifier } from './verifier.ts'
import type { Verdict } from './verdicts.ts'

export interface LineProgram {
  readonly name: string
  readonly command: string
  readonly parameters: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Answer {
  readonly id: number
  readonly subject?: string
  readonly copyAgeMs?: number
  readonly refused?: string
  readonly failed?: string
}

/** A verifier that is a program: a token a line in, a verdict a line out. It ends when its input does. */
export function startLineVerifier({ name, command, parameters, env }: LineProgram): Verifier {
  const child = spawn(command, parameters, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const waiting = new Map<number, (verdict: Verdict) => void>()
  let said = ''
  let ended: string | undefined
  let count = 0
  const end = (reason: string): void => {
    ended ??= reason
    for (const settle of waiting.values()) settle({ kind: 'failed', reason })
    waiting.clear()
  }
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said = (said + part).slice(-500)))
  // A write to a program that has ended; its end is told by the event below.
  child.stdin.on('error', () => undefined)
  child.once('error', (error) => end(`${name} cannot be run: ${error.message}`))
  child.once('close', (code, signal) => end(`${name} ended with ${String(code ?? signal)}: ${said.trimEnd()}`))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer
    waiting.get(answer.id)?.(verdictOf(answer))
    waiting.delete(answer.id)
  })
  return {
    name,
    knowsSubjectOfKey: true,
    judge: (token) => {
      if (ended !== undefined) return Promise.resolve({ kind: 'failed', reason: ended })
      const id = (count += 1)
      const { promise, resolve } = Promise.withResolvers<Verdict>()
      const late = setTimeout(() => {
        waiting.delete(id)
        resolve({ kind: 'failed', reason: `no answer within ${verdictLimitMs} ms` })
      }, verdictLimitMs)
      waiting.set(id, (verdict) => {
        clearTimeout(late)
        resolve(verdict)
      })
      child.stdin.write(`${JSON.stringify({ id, token })}\n`)
      return promise
    },
    stop: () => stop(child),
  }
}

function verdictOf({ subject, copyAgeMs, refused, failed }: Answer): Verdict {
  if (subject !== undefined) return { kind: 'accepted', subject, copyAgeMs }
  if (refused !== undefined) return { kind: 'refused', reason: refused }
  return { kind: 'failed', reason: failed ?? 'its answer has an unknown form' }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.stdin?.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(timer)
}
