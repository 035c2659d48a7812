import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { builtBundle } from '../../bench/built-bundle.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { faults } from '../redis/authority/faults.ts'
import { Questions, type Told } from '../redis/authority/questions.ts'
import type { AuthorityReplica } from '../redis/authority/replica.ts'
import { AuthorityStage } from '../redis/authority/stage.ts'
import { RedisServer } from '../redis/redis-server.ts'
import { type SlowProxy, startSlowProxy } from '../redis/slow-proxy.ts'
import type { Figures, Outcome, Soak } from './soak.ts'
import { percentile } from './tally.ts'

const bar = { addedMs: 50 }
/** Questions a second; some take several requests. */
const rate = 40
/** How long Redis is as it should not be, each time. */
const episodeMs = 5 * SECOND
/** Until connections are open and the code is compiled. */
const settlesMs = 3 * SECOND

export const redis: Soak = {
  describe:
    'a replica of the authority is asked about live, revoked, expired and forged tokens while its Redis fails in every ' +
    `way: no answer is wrong, and p99 of every endpoint is at most ${bar.addedMs} ms more than while all is well`,
  defaultMinutes: 8,
  leastMinutes: 4,
  onCluster: false,
  run,
}

interface Scene {
  readonly server: RedisServer
  readonly proxy: SlowProxy
  readonly questions: Questions
}

interface Trouble {
  readonly title: string
  /** Redis comes only when the replica has been asked without it. */
  readonly late?: boolean
  readonly begin: (scene: Scene) => Promise<void>
  readonly again?: (scene: Scene) => Promise<void>
  readonly end?: (scene: Scene) => Promise<void>
}

const slow = (delayMs: number, said: string): Trouble => ({
  title: `answers ${said} late`,
  begin: async ({ proxy }) => {
    proxy.delayMs = delayMs
  },
  end: async ({ proxy }) => {
    proxy.delayMs = 0
  },
})

const troubles: readonly Trouble[] = [
  { title: 'is not there at the start', late: true, begin: async () => undefined },
  ...faults.map(({ title, begin, again, end }): Trouble => ({
    title,
    begin: ({ server, questions }) => begin(server, questions),
    ...(again === undefined ? {} : { again: ({ server, questions }: Scene) => again(server, questions) }),
    ...(end === undefined ? {} : { end: ({ server }: Scene) => end(server) }),
  })),
  // Too soon for a time-out, so that every token that nobody has seen waits.
  slow(45, '45 ms'),
  slow(5 * SECOND, '5 s'),
]

/** What was answered while all was well, and in trouble. */
export interface Compared {
  readonly title: string
  readonly well: readonly Told[]
  readonly troubled: readonly Told[]
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  const directory = await temporaryDirectory('signet-soak-redis')
  const stage = await AuthorityStage.start(await builtBundle())
  try {
    const found: Compared[] = []
    for (const trouble of troubles) {
      const compared = await compare(stage, directory, trouble, (minutes * MINUTE) / troubles.length)
      found.push(compared)
      log(`${trouble.title}: ${compared.troubled.length} answers`)
    }
    return outcomeOf(found)
  } finally {
    await stage.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** One trouble, with a Redis and a replica of its own: half of the time all is well. */
async function compare(stage: AuthorityStage, directory: string, trouble: Trouble, forMs: number): Promise<Compared> {
  const [port = 0] = await freePorts(1)
  const proxy = await startSlowProxy(port)
  const throughProxy = !faults.some(({ title }) => title === trouble.title) && trouble.late !== true
  const startServer = () => RedisServer.start({ directory, port })
  let server = trouble.late === true ? undefined : await startServer()
  const replica = await stage.replica(`redis://127.0.0.1:${throughProxy ? proxy.port : port}`)
  try {
    const questions = await Questions.prepare(stage, [replica], 1000)
    const asking = new Asking(questions, replica)
    await asking.during(settlesMs)
    const troubled: Told[] = []
    if (server === undefined) {
      troubled.push(...(await asking.during(forMs / 2)))
      server = await startServer()
    }
    const scene = { server, proxy, questions }
    await connected(replica, asking)
    await asking.during(settlesMs)
    const well = await asking.during(forMs / 2 - 2 * settlesMs)
    const end = performance.now() + forMs / 2
    while (trouble.late !== true && performance.now() < end) {
      const told = asking.during(episodeMs)
      await trouble.begin(scene)
      const over = told.then(() => true)
      while (!(await Promise.race([over, sleep(100, false)]))) await trouble.again?.(scene)
      troubled.push(...(await told))
      await trouble.end?.(scene)
      await connected(replica, asking)
      await asking.during(SECOND)
    }
    return { title: trouble.title, well, troubled }
  } finally {
    await replica.stop()
    await proxy.close()
    server?.resume()
    await server?.kill()
  }
}

/** Asks on: that Redis takes what is written again is noticed by writing. */
function connected(replica: AuthorityReplica, asking: Asking): Promise<void> {
  return waitFor({
    what: 'the replica to find its Redis',
    limitMs: 30_000,
    everyMs: 100,
    until: async () => {
      await asking.during(SECOND / 2)
      return (await replica.metric('signet_shared_cache_degraded')) === 0
    },
  })
}

/** Asks at a steady rate, whether or not what was asked before has been answered. */
class Asking {
  readonly #questions: Questions
  readonly #replica: AuthorityReplica
  #number = 0

  constructor(questions: Questions, replica: AuthorityReplica) {
    this.#questions = questions
    this.#replica = replica
  }

  /** Resolves when the time is over and all that was asked in it has been answered. */
  async during(ms: number): Promise<Told[]> {
    const asked: Promise<Told[]>[] = []
    const began = performance.now()
    for (let next = 0; next < ms; next += SECOND / rate) {
      await sleep(Math.max(0, began + next - performance.now()))
      asked.push(this.#questions.ask(this.#number++, this.#replica))
    }
    return (await Promise.all(asked)).flat()
  }
}

const endpoints = ['introspect', 'token', 'revoke'] as const

/** Shown as a table; every endpoint is judged by itself. */
export function outcomeOf(found: readonly Compared[]): Outcome {
  const header = ['answers', 'wrong', '503', ...endpoints.map((endpoint) => `${endpoint} p99 well → so`)]
  const widths = header.map((text) => Math.max(text.length, 7))
  const line = (cells: readonly string[]) => cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('  ')
  const table: [string, string][] = [['Redis', line(header)]]
  const figures: Record<string, Figures> = {}
  const failures: string[] = []
  for (const { title, well, troubled } of found) {
    const count = (verdict: Told['verdict']) => [...well, ...troubled].filter((told) => told.verdict === verdict)
    const wrong = count('wrong')
    for (const { question, said } of wrong.slice(0, 3)) failures.push(`Redis ${title}: ${question}: ${said}`)
    const p99s = endpoints.map((endpoint) => ({ endpoint, wellMs: p99(well, endpoint), soMs: p99(troubled, endpoint) }))
    for (const { endpoint, wellMs, soMs } of p99s) {
      if (!(soMs - wellMs <= bar.addedMs)) {
        failures.push(`Redis ${title}: p99 of ${endpoint} is ${ms(soMs)}, with all well ${ms(wellMs)}`)
      }
    }
    const unavailable = troubled.filter(({ verdict }) => verdict === 'unavailable').length
    const times = p99s.map(({ wellMs, soMs }) => `${ms(wellMs)} → ${ms(soMs)}`)
    table.push([title, line([`${troubled.length}`, `${wrong.length}`, `${unavailable}`, ...times])])
    figures[title] = {
      answers: troubled.length,
      wrong: wrong.length,
      unavailable,
      ...Object.fromEntries(
        p99s.map(({ endpoint, wellMs, soMs }) => [endpoint, { wellP99Ms: wellMs, troubledP99Ms: soMs }]),
      ),
    }
  }
  return { table, figures, failures }
}

function p99(told: readonly Told[], endpoint: Told['endpoint']): number {
  return percentile(
    told.filter((one) => one.endpoint === endpoint).map((one) => one.ms),
    0.99,
  )
}

const ms = (value: number): string => `${value.toFixed(1)} ms`
