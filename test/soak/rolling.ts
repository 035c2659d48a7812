import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorityFleet, issuer, issuingKeysMade } from '../../bench/authority-fleet.ts'
import { administratorToken, type BoundToken, boundTokens } from '../../bench/bound-tokens.ts'
import { withStage } from '../../bench/many-identities.ts'
import { publishKeys } from '../../bench/published-keys.ts'
import { withServingCertificate } from '../../bench/serving-certificate.ts'
import { load } from '../../bench/wrk.ts'
import { servingName } from '../builders/serving-certificate.ts'
import { freePorts } from '../cluster/ports.ts'
import { Deployment } from './rolling/deployment.ts'
import { phaseFigures, phaseTable, shortfalls } from './rolling/judge.ts'
import { Phases } from './rolling/phases.ts'
import { exchange, introspectionsOf } from './rolling/questions.ts'
import { pacedLoad, type Peer, type Question } from './rolling/paced-load.ts'
import { type Proxy, requestProxy, serviceProxy } from './rolling/proxies.ts'
import type { Outcome, Soak } from './soak.ts'

const share = 0.4
const services = 32
const subjects = 100
const kills = 3
/** Of each phase, for each minute that was asked for. */
const phaseSecondsPerMinute = 10
/** After which kubelet kills who was told to leave: `terminationGracePeriodSeconds` of the chart. */
const graceSeconds = 30

/** Unmeasured, before replicas are compared of which one is new: code is compiled as it is used. */
const warmUpSeconds = 5
/** Until kubelet has looked and kube-proxy has heard. */
const endpointLagMs = 1000
/** `minReadySeconds` of the chart. */
const minReadyMs = 5000
/** Two replicas, and those that take their places, at the fixed addresses that a proxy of requests is given. */
const slots = 4

type Log = (line: string) => void

/**
 * Authorities as they are shipped, over TLS, behind a proxy that balances connections as a Service does, and behind one
 * that balances requests as an ingress does. Half of the requests exchange, half introspect, all of tokens that are
 * known: the pace is bounded by the fastest they get.
 */
export const rolling: Soak = {
  describe:
    `${services} services ask two authorities behind a proxy, at ${share * 100} % of what one serves: as fast as from ` +
    'one, and no request fails while one is deleted and both are rolled, nor while one is killed, where the proxy ' +
    'repeats requests or the service does',
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
          return await measured({ minutes, log, fleet, bound, ca, certificates, directory, machineLoad })
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
  readonly certificates: string
  readonly directory: string
  readonly machineLoad: number
}

async function measured(scene: Scene): Promise<Outcome> {
  const { minutes, log, fleet, bound, ca, machineLoad } = scene
  // So that what is introspected is live to the end.
  const startReplica = (port?: number) => fleet.authority(['--token-lifetime=1h'], port)
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
  const questions = exchanges.flatMap((question, index) => [question, introspections[index] ?? question])
  const pace = { services, perSecond, questions, log }
  const phases = new Phases({ ...pace, leastSeconds: minutes * phaseSecondsPerMinute })
  const warmUp = (peer: Peer) => pacedLoad({ ...pace, peer, leastSeconds: warmUpSeconds })
  await phases.run(direct, 'direct', 'one replica, without a proxy')

  const stopping = async <T>(proxy: Proxy, use: (peer: Peer) => Promise<T>): Promise<T> => {
    try {
      return await use({ ...direct, url: proxy.url })
    } finally {
      await proxy.stop()
    }
  }

  const service = await serviceProxy({ directory: await folder(scene, 'service'), replicas: [first.port], log })
  const behindService = new Deployment({ proxy: service, replicas: [first], startReplica, endpointLagMs, minReadyMs })
  const compared = await stopping(service, async (peer) => {
    const one = await phases.run(peer, 'one', 'one replica')
    await behindService.add()
    await warmUp(peer)
    const two = await phases.run(peer, 'two', 'two replicas')
    const deleted = await phases.run(peer, 'deleted', 'one of two deleted (SIGTERM)', {
      meanwhile: () => behindService.delete(),
    })
    const rolled = await phases.run(peer, 'rolled', 'both rolled', { meanwhile: () => behindService.roll() })
    const killed = await phases.run(peer, 'killed', `one of two killed (SIGKILL), ${kills} times`, {
      meanwhile: () => behindService.kill(),
      times: kills,
      mayFailOnce: true,
    })
    return { one, two, changing: [deleted, rolled, killed] }
  })
  await fleet.stop()

  const ports = await freePorts(slots)
  let started = 0
  const startInSlot = () => startReplica(ports[started++ % slots])
  const replicas = [await startInSlot(), await startInSlot()]
  const directory = await folder(scene, 'ingress')
  const certificate = { directory: scene.certificates, name: servingName }
  const ingress = await requestProxy({ directory, replicas: ports, log }, certificate)
  const behindIngress = new Deployment({
    proxy: ingress,
    replicas,
    startReplica: startInSlot,
    endpointLagMs,
    minReadyMs,
  })
  await stopping(ingress, async (peer) => {
    await warmUp(peer)
    await phases.run(peer, 'balanced', 'two replicas, a proxy that repeats')
    await phases.run(peer, 'balancedKilled', `one of two killed, ${kills} times, a proxy that repeats`, {
      meanwhile: () => behindIngress.kill(),
      times: kills,
    })
  })
  const slowestToLeave = Math.max(...behindService.leftSeconds)
  return {
    table: [
      ['one replica exchanges at most', `${most.exchanges.toFixed(0)} a second`],
      ['one replica introspects at most', `${most.introspections.toFixed(0)} a second`],
      [`the pace, ${share * 100} % of half and half`, `${perSecond.toFixed(0)} a second`],
      ['load average before', machineLoad.toFixed(1)],
      ['to leave after SIGTERM, longest', `${slowestToLeave.toFixed(1)} s`],
      ...phaseTable(phases.all),
    ],
    figures: {
      exchangesPerSecond: most.exchanges,
      introspectionsPerSecond: most.introspections,
      pacePerSecond: perSecond,
      machineLoad,
      leftSeconds: slowestToLeave,
      ...Object.fromEntries(phases.all.map((each) => [each.key, phaseFigures(each)])),
    },
    failures: [
      ...shortfalls(phases.all, compared),
      ...(slowestToLeave < graceSeconds ? [] : [`a replica took ${slowestToLeave.toFixed(1)} s to leave`]),
    ],
  }
}

async function folder({ directory }: Scene, name: string): Promise<string> {
  const path = join(directory, name)
  await mkdir(path)
  return path
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
