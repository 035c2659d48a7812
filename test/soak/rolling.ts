import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorityFleet, issuer, issuingKeysMade } from '../../bench/authority-fleet.ts'
import { administratorToken, type BoundToken, boundTokens } from '../../bench/bound-tokens.ts'
import { withStage } from '../../bench/many-identities.ts'
import { publishKeys } from '../../bench/published-keys.ts'
import { withServingCertificate } from '../../bench/serving-certificate.ts'
import { load } from '../../bench/wrk.ts'
import { exchangeForm } from '../../src/verifier/exchange.ts'
import { servingName } from '../builders/serving-certificate.ts'
import { answerOf, type Peer, type Question } from './rolling/calling-service.ts'
import { Deployment } from './rolling/deployment.ts'
import { type Phase, phaseFigures, phaseTable, shortfalls } from './rolling/judge.ts'
import { pacedLoad } from './rolling/paced-load.ts'
import { ServiceProxy } from './rolling/service-proxy.ts'
import type { Outcome, Soak } from './soak.ts'

const share = 0.4
const services = 32
const subjects = 100
const kills = 3
/** Of each phase, for each minute that was asked for. */
const phaseSecondsPerMinute = 10
/** After which kubelet kills who was told to leave: `terminationGracePeriodSeconds` of the chart. */
const graceSeconds = 30

/** Until kubelet has looked and kube-proxy has heard. */
const endpointLagMs = 1000

type Log = (line: string) => void

/**
 * Authorities as they are shipped, over TLS, behind a proxy that balances connections as a Service does. Half of the
 * requests exchange, half introspect, all of tokens that are known: the pace is bounded by the fastest they get.
 */
export const rolling: Soak = {
  describe:
    `${services} services ask two authorities behind a proxy, at ${share * 100} % of what one serves: as fast as from ` +
    'one, and no request fails while one is deleted and both are rolled, nor, after one retry, while one is killed',
  defaultMinutes: 2,
  leastMinutes: 1,
  onCluster: false,
  run,
}

async function run(minutes: number, log: Log): Promise<Outcome> {
  const machineLoad = loadavg()[0] ?? Number.NaN
  const directory = await mkdtemp(join(tmpdir(), 'signet-soak-'))
  try {
    return await withStage(async ({ plane, client, controller }) =>
      withServingCertificate(async (certificates) => {
        await issuingKeysMade(client)
        // The keys below are of no ServiceIdentity: it would sweep them.
        await controller.stop()
        await publishKeys(client, subjects)
        const bearer = await administratorToken(plane)
        const bound = await boundTokens({ plane, client, bearer, audience: issuer, count: subjects })
        const fleet = new AuthorityFleet(certificates, plane.kubeconfig)
        try {
          const ca = await readFile(join(certificates, 'ca.crt'), 'utf8')
          return await measured({ minutes, log, fleet, bound, ca, directory, machineLoad })
        } finally {
          await fleet.stop()
        }
      }),
    )
  } finally {
    await rm(directory, { recursive: true })
  }
}

interface Scene {
  readonly minutes: number
  readonly log: Log
  readonly fleet: AuthorityFleet
  readonly bound: readonly BoundToken[]
  readonly ca: string
  readonly directory: string
  readonly machineLoad: number
}

async function measured({ minutes, log, fleet, bound, ca, directory, machineLoad }: Scene): Promise<Outcome> {
  // So that what is introspected is live to the end.
  const startReplica = () => fleet.authority(['--token-lifetime=1h'])
  const first = await startReplica()
  const direct: Peer = { url: `https://127.0.0.1:${first.port}`, ca, servername: servingName }
  const exchanges = bound.map(({ token }) => exchange(token))
  const introspections = await introspectionsOf(direct, exchanges, bound[0]?.token ?? '')
  const most = await mostPerSecond(direct.url, exchanges, introspections)
  const perSecond = share * most.both
  log(
    `one replica exchanges ${most.exchanges.toFixed(0)} and introspects ${most.introspections.toFixed(0)} a second, ` +
      `${most.both.toFixed(0)} of both; the pace is ${perSecond.toFixed(0)}`,
  )
  const proxy = await ServiceProxy.start(directory, [first.port], log)
  try {
    const proxied: Peer = { ...direct, url: proxy.url }
    const questions = exchanges.flatMap((question, index) => [question, introspections[index] ?? question])
    const phase = async (
      name: string,
      key: string,
      { peer = proxied, meanwhile, mayFailOnce = false }: Partial<PhaseOptions> = {},
    ): Promise<Phase> => {
      log(name)
      const leastSeconds = minutes * phaseSecondsPerMinute
      return {
        name,
        key,
        mayFailOnce,
        ...(await pacedLoad({ peer, services, perSecond, questions, leastSeconds, meanwhile })),
      }
    }
    const alone = await phase('one replica, without the proxy', 'direct', { peer: direct })
    const one = await phase('one replica', 'one')
    const deployment = new Deployment({ proxy, replicas: [first], startReplica, endpointLagMs })
    await deployment.add()
    const two = await phase('two replicas', 'two')
    const deleted = await phase('one of two deleted (SIGTERM)', 'deleted', { meanwhile: () => deployment.delete() })
    const killed = await phase(`one of two killed (SIGKILL), ${kills} times`, 'killed', {
      meanwhile: async () => {
        for (let time = 0; time < kills; time += 1) await deployment.kill()
      },
      mayFailOnce: true,
    })
    const rolled = await phase('both rolled', 'rolled', { meanwhile: () => deployment.roll() })
    const phases = [alone, one, two, deleted, killed, rolled]
    const leftSeconds = Math.max(...deployment.leftSeconds)
    return {
      table: [
        ['one replica exchanges at most', `${most.exchanges.toFixed(0)} a second`],
        ['one replica introspects at most', `${most.introspections.toFixed(0)} a second`],
        [`the pace, ${share * 100} % of half and half`, `${perSecond.toFixed(0)} a second`],
        ['load average before', machineLoad.toFixed(1)],
        ['to leave after SIGTERM, longest', `${leftSeconds.toFixed(1)} s`],
        ...phaseTable(phases),
      ],
      figures: {
        exchangesPerSecond: most.exchanges,
        introspectionsPerSecond: most.introspections,
        pacePerSecond: perSecond,
        machineLoad,
        leftSeconds,
        ...Object.fromEntries(phases.map((each) => [each.key, phaseFigures(each)])),
      },
      failures: [
        ...shortfalls(phases, { one, two }),
        ...(leftSeconds < graceSeconds ? [] : [`a replica took ${leftSeconds.toFixed(1)} s to leave`]),
      ],
    }
  } finally {
    await proxy.stop()
  }
}

interface PhaseOptions {
  readonly peer: Peer
  readonly meanwhile: () => Promise<void>
  readonly mayFailOnce: boolean
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

function exchange(subjectToken: string): Question {
  const body = exchangeForm(subjectToken, { audience: 'payments' })
  return { path: '/token', headers: form, body, rightAnswer: '{"access_token"' }
}

/** Questions about the tokens that those exchanges give, by the caller whose proof this is. */
async function introspectionsOf(peer: Peer, exchanges: readonly Question[], proof: string): Promise<Question[]> {
  const headers = { ...form, authorization: `Bearer ${proof}` }
  const questions: Question[] = []
  for (const question of exchanges) {
    const { access_token: token } = JSON.parse(await answerOf(peer, question)) as { access_token: string }
    const body = new URLSearchParams({ token }).toString()
    questions.push({ path: '/introspect', headers, body, rightAnswer: '{"active":true' })
  }
  return questions
}

/** What one replica serves at most of tokens that it knows; of both in equal parts, the mean of what each costs. */
async function mostPerSecond(url: string, exchanges: readonly Question[], introspections: readonly Question[]) {
  const most = async (questions: readonly Question[]): Promise<number> => {
    const [{ path, headers } = { path: '', headers: {} }] = questions
    const bodies = questions.map(({ body }) => body)
    const options = { url: `${url}${path}`, headers, bodies, connections: services }
    await load({ ...options, seconds: 3 })
    return (await load({ ...options, seconds: 5 })).requestsPerSecond ?? Number.NaN
  }
  const [exchanged, introspected] = [await most(exchanges), await most(introspections)]
  return { exchanges: exchanged, introspections: introspected, both: 2 / (1 / exchanged + 1 / introspected) }
}
