import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ProcessorTime, processorTime, timeBetween } from '../../../bench/stolen-time.ts'
import { goProgram } from '../go-program.ts'

/** One request of a service to the authority, and how its answer begins where it is right. */
export interface Question {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly rightAnswer: string
}

export interface Peer {
  readonly url: string
  readonly ca: string
  readonly servername: string
}

export interface PacedLoad {
  readonly peer: Peer
  readonly services: number
  readonly perSecond: number
  /** Asked in turns. */
  readonly questions: readonly Question[]
  readonly leastSeconds: number
  /** What happens meanwhile; the load goes on until it is over. */
  readonly meanwhile?: (() => Promise<void>) | undefined
  /** For how long the load goes on before that, none if not said: what is due then does not count. */
  readonly settleSeconds?: number
  readonly log: (line: string) => void
}

export interface Found {
  /** Of each request that counts, in milliseconds from when it was due, so that a queue at the client's end does, too. */
  readonly latencies: readonly number[]
  /** Why requests failed at the first attempt, and how many for each reason. */
  readonly failures: Readonly<Record<string, number>>
  /** The same for those that failed after one retry, too. */
  readonly failuresAfterRetry: Readonly<Record<string, number>>
  /** Of this machine meanwhile. */
  readonly processors: ProcessorTime
}

/** Within which the services have connected, and within which their last answers have come, in milliseconds. */
const limitMs = 20_000

/** More in a second than anything answers: all are due from the start. */
const unbounded = 1e9

/** Built the first time. */
export function servicesProgram(log: PacedLoad['log']): Promise<string> {
  return goProgram('services', fileURLToPath(new URL('services/', import.meta.url)), log)
}

/** How many answers the same services get in a second where each asks again as soon as it has one. */
export async function mostPerSecond(options: Omit<PacedLoad, 'perSecond'>): Promise<number> {
  const { latencies, failures } = await pacedLoad({ ...options, perSecond: unbounded })
  const reasons = Object.keys(failures)
  if (reasons.length > 0) throw new Error(`requests failed at the fastest pace: ${reasons.join('; ')}`)
  return latencies.length / options.leastSeconds
}

/** Services that ask at a steady pace, whatever becomes of their requests, each over one kept connection. */
export async function pacedLoad(options: PacedLoad): Promise<Found> {
  const { peer, services, perSecond, questions, leastSeconds, log } = options
  const { meanwhile, settleSeconds = 0 } = options
  const child = spawn(await servicesProgram(log), { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    // A write to a program that has ended; its end is told below.
    child.stdin.on('error', () => undefined)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const nextLine = async (what: string): Promise<string> => {
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
      const line = await lines.next()
      clearTimeout(timer)
      if (line.done === true) throw new Error(`the services ended, or waited ${limitMs / 1000} s, before ${what}`)
      return line.value
    }
    child.stdin.write(`${JSON.stringify({ ...peer, services, perSecond, questions })}\n`)
    await nextLine('they asked anything')
    if (meanwhile !== undefined) {
      await sleep(settleSeconds * 1000)
      child.stdin.write(`${JSON.stringify({ unixMs: Date.now() })}\n`)
    }
    const before = await processorTime()
    await Promise.all([meanwhile?.(), sleep(leastSeconds * 1000)])
    child.stdin.end()
    const found = JSON.parse(await nextLine('their last answers came')) as Omit<Found, 'processors'>
    return { ...found, processors: timeBetween(before, await processorTime()) }
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}
