import { setTimeout as sleep } from 'node:timers/promises'
import { CallingService, type Peer, type Question } from './calling-service.ts'
import { Pace } from './pace.ts'

export interface PacedLoad {
  readonly peer: Peer
  readonly services: number
  readonly perSecond: number
  /** Asked in turns. */
  readonly questions: readonly Question[]
  readonly leastSeconds: number
  /** What happens meanwhile; the load goes on until it is over. */
  readonly meanwhile?: (() => Promise<void>) | undefined
}

export interface Found {
  /** Of each request, in milliseconds from when it was due, so that a queue at the client's own end counts too. */
  readonly latencies: readonly number[]
  /** Why requests failed at the first attempt, and how many for each reason. */
  readonly failures: ReadonlyMap<string, number>
  /** The same for those that failed after one retry, too. */
  readonly failuresAfterRetry: ReadonlyMap<string, number>
}

/** Services that ask at a steady pace, whatever becomes of their requests, each over one kept connection. */
export async function pacedLoad(options: PacedLoad): Promise<Found> {
  const { peer, questions, perSecond, leastSeconds, meanwhile = () => Promise.resolve() } = options
  const services = Array.from({ length: options.services }, () => new CallingService(peer))
  try {
    // Connections are there before they are counted.
    await Promise.all(services.map((service, index) => service.ask(turn(questions, index))))
    const log = new Log()
    const underWay = new Set<Promise<void>>()
    const pace = new Pace(perSecond)
    const began = performance.now()
    const over = new AbortController()
    const happened = Promise.all([meanwhile(), sleep(leastSeconds * 1000)]).finally(() => over.abort())
    // It is awaited below.
    happened.catch(() => undefined)
    let asked = 0
    for (let last = false; !last;) {
      // Looked at first, so that all that was due until the end is asked.
      last = over.signal.aborted
      for (const due of pace.take(performance.now() - began)) {
        const number = asked++
        // A service meets each question in time: its share of them moves on by one with each round.
        const question = turn(questions, number + Math.floor(number / services.length))
        const asking = turn(services, number)
          .ask(question)
          .then((reply) => log.add(performance.now() - began - due, reply))
          .finally(() => underWay.delete(asking))
        underWay.add(asking)
      }
      if (!last) await sleep(1)
    }
    await Promise.all(underWay)
    await happened
    return log
  } finally {
    await Promise.all(services.map((service) => service.close()))
  }
}

class Log implements Found {
  readonly latencies: number[] = []
  readonly failures = new Map<string, number>()
  readonly failuresAfterRetry = new Map<string, number>()

  add(latencyMs: number, { failure, failureAfterRetry }: Awaited<ReturnType<CallingService['ask']>>): void {
    this.latencies.push(latencyMs)
    count(this.failures, failure)
    count(this.failuresAfterRetry, failureAfterRetry)
  }
}

function count(reasons: Map<string, number>, reason: string | undefined): void {
  if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
}

function turn<T>(items: readonly T[], number: number): T {
  const item = items[number % items.length]
  if (item === undefined) throw new TypeError('there is nothing to take turns with')
  return item
}
