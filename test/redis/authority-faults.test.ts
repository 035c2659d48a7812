import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { eventually } from '../builders/eventually.ts'
import { buildTimeout } from '../chart/helm.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { faults, keyOf } from './authority/faults.ts'
import { Questions, type Told } from './authority/questions.ts'
import type { AuthorityReplica } from './authority/replica.ts'
import { AuthorityStage } from './authority/stage.ts'
import { Tokens } from './authority/tokens.ts'
import { RedisServer } from './redis-server.ts'

let directory = ''
let stage: AuthorityStage
let server: RedisServer
let replicas: readonly AuthorityReplica[]

beforeAll(async () => {
  directory = await temporaryDirectory('signet-redis-authority')
  stage = await AuthorityStage.start()
  server = await RedisServer.start({ directory })
  replicas = await Promise.all([stage.replica(server.url), stage.replica(server.url)])
}, buildTimeout)

afterAll(async () => {
  await stage.stop()
  server.resume()
  await server.kill()
  await rm(directory, { recursive: true, force: true })
})

/** How many questions a round has, with those that follow from answers. */
const kinds = 19
/** Between two rounds of questions at a replica, so that they do not keep a small machine to themselves. */
const pauseMs = 50
/** How long Redis is as it should not be. */
const lastsMs = 2.5 * SECOND
const hangsMs = 5 * SECOND
/** For what takes no time where the machine has some. */
const patienceMs = 60 * SECOND
/** Until replicas have found it again. */
const foundMs = 60 * SECOND

/** Waits until what one replica has verified is told to the other through Redis. */
async function share([one, other]: readonly AuthorityReplica[], { admin }: RedisServer): Promise<void> {
  if (one === undefined || other === undefined) throw new TypeError('two replicas are needed')
  const tokens = await Tokens.of(stage)
  const bearer = stage.accountTokens.payments
  const hits = () => other.metric('signet_shared_cache_commands_total', { command: 'get', result: 'hit' })
  const before = await hits()
  await eventually(
    async () => {
      const token = await tokens.live()
      await one.ask({ endpoint: 'introspect', form: { token }, bearer })
      // Nothing waits for what is told.
      await eventually(async () => expect(await admin.exists(keyOf(token))).toBe(1), SECOND)
      await other.ask({ endpoint: 'introspect', form: { token }, bearer })
      expect(await hits()).toBeGreaterThan(before)
    },
    foundMs,
    100,
  )
}

/** Asks all replicas everything, round after round, until it is told to stop. */
function keepAsking(asked: readonly AuthorityReplica[], questions: Questions) {
  const told: Told[] = []
  let over = false
  onTestFinished(() => {
    over = true
  })
  const done = Promise.all(
    asked.map(async (replica) => {
      while (!over) {
        told.push(...(await questions.round(replica)))
        await sleep(pauseMs)
      }
    }),
  )
  return {
    /** Every question is answered anew, rather than evaded: a busy machine may make replicas shed load for a while. */
    answered: () => {
      const since = told.length
      return eventually(() => {
        const right = told.slice(since).filter(({ verdict }) => verdict === 'right')
        expect(new Set(right.map(({ question }) => question)).size).toBe(kinds)
      }, patienceMs)
    },
    /** All answers that were neither right nor 503. */
    stop: async () => {
      over = true
      await done
      return told.filter(({ verdict }) => verdict === 'wrong')
    },
  }
}

/** What was revoked, at whichever replica, is refused by all within 10 s (I5). */
async function staysRevoked(asked: readonly AuthorityReplica[], questions: Questions): Promise<void> {
  const meanwhile = questions.revokedMeanwhile.map(({ token }) => token)
  expect(meanwhile.length).toBeGreaterThan(0)
  for (const token of [...questions.revoked, ...meanwhile]) {
    for (const replica of asked) {
      await eventually(async () => expect(await questions.isRefused(token, replica)).toBe(true), 10 * SECOND)
    }
  }
}

describe('two replicas of the authority on one Redis', { timeout: 5 * MINUTE }, () => {
  it('I5 I6: answer right or 503 where it is not there at their start, and share once it is', async () => {
    const [port = 0] = await freePorts(1)
    const own = await Promise.all([0, 1].map(() => stage.replica(`redis://127.0.0.1:${port}`)))
    onTestFinished(async () => {
      await Promise.all(own.map((replica) => replica.stop()))
    })
    const questions = await Questions.prepare(stage, own)
    const asking = keepAsking(own, questions)
    await asking.answered()
    const open = { result: 'open' }
    await eventually(async () => {
      for (const replica of own) {
        expect(await replica.metric('signet_shared_cache_commands_total', open)).toBeGreaterThan(0)
      }
    }, patienceMs)
    const late = await RedisServer.start({ directory, port })
    onTestFinished(() => late.kill())
    await share(own, late)
    expect(await asking.stop()).toEqual([])
    await staysRevoked(own, questions)
  })

  it.each(faults)('I5 I6: answer right or 503 while it $title, and share again afterwards', async (fault) => {
    await share(replicas, server)
    const questions = await Questions.prepare(stage, replicas, 100)
    const count = async () =>
      Promise.all(replicas.map((one) => one.metric('signet_shared_cache_commands_total', fault.counted)))
    const before = await count()
    const asking = keepAsking(replicas, questions)
    await fault.begin(server, questions)
    const until = performance.now() + (fault.title === 'hangs' ? hangsMs : lastsMs)
    while (performance.now() < until) {
      await fault.again?.(server, questions)
      await sleep(100)
    }
    await asking.answered()
    // Both have met with it.
    await eventually(async () => {
      for (const [index, counted] of (await count()).entries()) expect(counted).toBeGreaterThan(before[index] ?? 0)
    }, patienceMs)
    await fault.end?.(server)
    await share(replicas, server)
    expect(await asking.stop()).toEqual([])
    await staysRevoked(replicas, questions)
  })
})
