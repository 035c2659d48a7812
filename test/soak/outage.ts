import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AuthorityFleet, issuer, issuingKeysMade } from '../../bench/authority-fleet.ts'
import { administratorToken, boundTokens } from '../../bench/bound-tokens.ts'
import { burst, namespace, type Stage, withStage } from '../../bench/many-identities.ts'
import { withServingCertificate } from '../../bench/serving-certificate.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { messageOf } from '../../src/errors.ts'
import { tokenFile, workloadSecretName } from '../../src/identity/workload.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { AuthorityUnderOutage, type GivenOut } from './outage-client.ts'
import { OutageTally, outageShortfalls } from './outage-tally.ts'
import type { Outcome, Soak } from './soak.ts'

/** Of whom a pod is there, and who asks; and whose pod was deleted just before. */
const known = 'service-0'
const gone = 'service-1'
/** What every second asks, and what every tenth does, which may take as long as the API server is waited for. */
const questions = {
  exchange: 'exchange, each for another audience',
  fresh: 'introspection of the token just given out',
  mounted: 'introspection of a mounted token',
  revoked: 'introspection of a revoked token',
  expiring: 'introspection of a token until it expires, and after',
  jwks: 'JWK Set, with the key of the token just given out',
  feed: 'list of revocations',
  revoke: 'revocation, which cannot be stored',
  gone: 'exchange for a pod that is gone',
} as const
const seldom = 10
/** For so long at most is a pod still said to be gone, when nobody can be asked. */
const believedMs = MINUTE
/** One to stay as it is, one to be revoked: they outlive every outage. */
const mountedTokens = ['live', 'revoked']
const none: Secret = { metadata: { name: 'none' } }

/**
 * A replica as it is shipped, with the account and the rights that the chart gives it, on a kube-apiserver that is really
 * stopped. The controller is stopped before: it only writes.
 */
export const outage: Soak = {
  describe:
    'the API server is stopped: once a second an authority exchanges, introspects and serves its JWK Set and revocations ' +
    'as ever, and answers 503 where it would have to write or to look; not one answer is wrong',
  defaultMinutes: 25,
  leastMinutes: 2,
  onCluster: false,
  run,
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  return withStage(async (stage) =>
    withServingCertificate(async (directory) => {
      const { plane, client, controller } = stage
      await issuingKeysMade(client)
      await burst(stage, 2, () => ({
        tokens: mountedTokens.map((name) => ({ name, audience: name, lifetime: '24h' })),
      }))
      await controller.stop()
      const bearer = await administratorToken(plane)
      const lifetimeSeconds = (minutes + 15) * 60
      const proofs = await boundTokens({ plane, client, bearer, audience: issuer, count: 2, lifetimeSeconds })
      const fleet = await AuthorityFleet.of(plane, directory)
      try {
        // The shortest, so that tokens expire within the outage.
        const server = await fleet.authority(['--token-lifetime=1m'])
        const ca = await readFile(join(directory, 'ca.crt'), 'utf8')
        const [proof, proofOfGone] = proofs.map(({ token }) => token)
        const authority = new AuthorityUnderOutage({ port: server.port, ca, proof: proof ?? '' })
        try {
          return await measure(stage, authority, { minutes, proofOfGone: proofOfGone ?? '', log })
        } finally {
          await authority.close()
        }
      } finally {
        await fleet.stop()
      }
    }),
  )
}

interface Measured {
  readonly minutes: number
  readonly proofOfGone: string
  readonly log: (line: string) => void
}

async function measure(
  stage: Stage,
  authority: AuthorityUnderOutage,
  { minutes, proofOfGone, log }: Measured,
): Promise<Outcome> {
  const { plane, client } = stage
  const secret = await client.get<Secret>(resources.secrets, { namespace, name: workloadSecretName(known) })
  const [mounted = '', revoked = ''] = mountedTokens.map((name) => secretText(secret ?? none, tokenFile(name)))
  await authority.revoke(revoked)
  await client.delete(resources.pods, { namespace, name: gone })
  await waitFor({
    what: 'the deleted pod to be refused',
    limitMs: 90_000,
    until: () => authority.refusesExchange(proofOfGone, 400),
  })
  const expiring = await authority.exchange('expiring')
  const tally = new OutageTally()
  log('stopping the API server')
  await plane.stopApiServer()
  const began = performance.now()
  const outage = new Outage(authority, tally, { proofOfGone, mounted, revoked, expiring })
  const until = began + minutes * MINUTE
  const progress = setInterval(() => {
    const minute = Math.round((performance.now() - began) / MINUTE)
    const problem = tally.problems.at(-1)
    const wrong = problem === undefined ? '0 wrong' : `${tally.failures} wrong, such as ${problem}`
    log(`minute ${minute} of ${minutes}: ${tally.asked} answers, ${authority.shed} shed and asked again, ${wrong}`)
  }, MINUTE)
  try {
    await Promise.all([
      every(SECOND, until, () => outage.eachSecond()),
      every(seldom * SECOND, until, () => outage.nowAndThen()),
    ])
  } finally {
    clearInterval(progress)
  }
  const downMs = performance.now() - began
  log(`starting the API server after ${(downMs / MINUTE).toFixed(1)} minutes`)
  await plane.startApiServer()
  const { shed } = authority
  const recoveryMs = await recovered(authority)
  return outcomeOf(tally, { minutes, downMs, recoveryMs, shed })
}

/** What was there before the API server was stopped. */
interface TokensBefore {
  readonly mounted: string
  readonly revoked: string
  readonly expiring: GivenOut
  /** A pod's proof, whose pod was deleted. */
  readonly proofOfGone: string
}

/** What is asked while the API server is stopped, and what is right then. */
class Outage {
  readonly #authority: AuthorityUnderOutage
  readonly #tally: OutageTally
  readonly #tokens: TokensBefore
  /** The youngest token that was given out. */
  #fresh: GivenOut | undefined
  #number = 0
  readonly #began = performance.now()

  constructor(authority: AuthorityUnderOutage, tally: OutageTally, tokens: TokensBefore) {
    this.#authority = authority
    this.#tally = tally
    this.#tokens = tokens
  }

  async eachSecond(): Promise<void> {
    const { mounted, revoked, expiring } = this.#tokens
    const authority = this.#authority
    this.#number += 1
    const fresh = await this.#ask('exchange', () => authority.exchange(`payments-${this.#number}`))
    if (fresh !== undefined) {
      await this.#ask('fresh', () => authority.expectActive(fresh.token, true))
      await this.#ask('jwks', () => authority.expectPublished(fresh.token))
      this.#fresh = fresh
    }
    await this.#ask('mounted', () => authority.expectActive(mounted, true))
    await this.#ask('revoked', () => authority.expectActive(revoked, false))
    await this.#ask('feed', () => authority.expectListed(revoked))
    // Not around the moment in which it ends: the clock goes on while the answer is on its way, or asked for again.
    const left = expiring.expiresAt - Date.now()
    if (Math.abs(left) > 10 * SECOND)
      await this.#ask('expiring', () => authority.expectActive(expiring.token, left > 0))
  }

  async nowAndThen(): Promise<void> {
    const authority = this.#authority
    const token = this.#fresh?.token
    if (token !== undefined) {
      await this.#ask('revoke', async () => {
        await authority.expectNotRevoked(token)
        await authority.expectActive(token, true)
      })
    }
    const mayBeDenied = performance.now() - this.#began < believedMs
    await this.#ask('gone', () => authority.expectNoExchange(this.#tokens.proofOfGone, { mayBeDenied }))
  }

  async #ask<T>(question: keyof typeof questions, ask: () => Promise<T>): Promise<T | undefined> {
    const began = performance.now()
    try {
      const answer = await ask()
      this.#tally.told(questions[question], performance.now() - began, undefined)
      return answer
    } catch (error) {
      this.#tally.told(questions[question], performance.now() - began, messageOf(error))
      return undefined
    }
  }
}

/** Calls once in each period until the time has come; a call that takes longer than that is waited for. */
async function every(periodMs: number, until: number, call: () => Promise<void>): Promise<void> {
  for (let next = performance.now(); next < until; next = Math.max(next + periodMs, performance.now())) {
    await sleep(Math.max(0, next - performance.now()))
    await call()
  }
}

/** How long it takes after the API server's return until a revocation is stored and holds, in milliseconds. */
async function recovered(authority: AuthorityUnderOutage): Promise<number> {
  const began = performance.now()
  await waitFor({
    what: 'a revocation to be stored again',
    limitMs: MINUTE,
    until: async () => {
      const { token } = await authority.exchange(`after-${performance.now().toFixed(0)}`)
      await authority.revoke(token)
      await authority.expectActive(token, false)
      return true
    },
  })
  return performance.now() - began
}

function outcomeOf(
  tally: OutageTally,
  { minutes, downMs, recoveryMs, shed }: Record<'minutes' | 'downMs' | 'recoveryMs' | 'shed', number>,
): Outcome {
  const frequent = new Set<keyof typeof questions>([
    'exchange',
    'fresh',
    'mounted',
    'revoked',
    'expiring',
    'jwks',
    'feed',
  ])
  const least = new Map(
    Object.entries(questions).map(([name, question]) => {
      const seconds = minutes * 60
      // Half of what a machine that is never late would ask.
      return [question, Math.floor(frequent.has(name as keyof typeof questions) ? seconds / 2 : seconds / seldom / 2)]
    }),
  )
  return {
    table: [
      ['API server stopped', `${(downMs / MINUTE).toFixed(1)} minutes`],
      ...tally.rows(),
      ['all answers', `${tally.asked}, ${tally.failures} wrong`],
      ['answered that there was no time, and asked again', String(shed)],
      ['first revocation stored after its return', `${(recoveryMs / SECOND).toFixed(1)} s`],
    ],
    figures: { downMinutes: downMs / MINUTE, answers: tally.asked, wrong: tally.failures, shed, recoveryMs },
    failures: outageShortfalls(tally, least),
  }
}
