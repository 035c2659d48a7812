import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorityFleet, issuer, issuingKeysMade } from '../../bench/authority-fleet.ts'
import { administratorToken, type BoundToken, boundTokens } from '../../bench/bound-tokens.ts'
import { withStage } from '../../bench/many-identities.ts'
import { publishKeys } from '../../bench/published-keys.ts'
import { withServingCertificate } from '../../bench/serving-certificate.ts'
import { servingName } from '../builders/serving-certificate.ts'
import { Deployment } from './rolling/deployment.ts'
import { phaseFigures, phaseTable, shortfalls } from './rolling/judge.ts'
import { Phases } from './rolling/phases.ts'
import { exchange, introspectionsOf } from './rolling/questions.ts'
import { mostPerSecond, pacedLoad, type Question } from './rolling/paced-load.ts'
import { type Proxy, requestProxy, serviceProxy } from './rolling/proxies.ts'
import type { Outcome, Soak } from './soak.ts'

const share = 0.4
const services = 32
const subjects = 100
/** How often one is killed, and one starts beside for comparison. */
const kills = 3
/** Of each phase, for each minute that was asked for. */
const phaseSecondsPerMinute = 10
/** After which kubelet kills who was told to leave: `terminationGracePeriodSeconds` of the chart. */
const graceSeconds = 30

/** Unmeasured, before replicas are compared of which one is new: code is compiled as it is used. */
const warmUpSeconds = 5
/** Before a replica goes or comes: the newest has served for so long that its code is compiled, its caches are filled. */
const settleSeconds = 10
/** Until kubelet has looked and kube-proxy has heard. */
const endpointLagMs = 1000
/** `minReadySeconds` of the chart. */
const minReadyMs = 5000

/** So that what is introspected is live to the end. */
const replicaFlags = ['--token-lifetime=1h']

type Log = (line: string) => void

/**
 * CaSecret as they are shipped, over TLS, behind a proxy that balances connections as a Service does, and behind one
 * that balances requests as an ingress does. Half of the requests exchange, half introspect, all of tokens that are
 * known. The pace is a share of what one replica answers to these services behind that proxy, on the cores they all share.
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
        const fleet = await AuthorityFleet.of(plane, certificates)
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
  const { log, machineLoad } = scene
  const questions = await allQuestions(scene)
  const certificate = { directory: scene.certificates, name: servingName }
  const connections = await onPath(scene, questions, {
    key: 'connections',
    name: 'connections balanced',
    proxy: (directory) => serviceProxy({ directory, log }),
    mayFailOnceKilled: true,
  })
  const requests = await onPath(scene, questions, {
    key: 'requests',
    name: 'requests balanced and repeated',
    proxy: (directory) => requestProxy({ directory, log }, certificate),
    mayFailOnceKilled: false,
  })
  const found = [connections, requests]
  const phases = found.flatMap(({ phases: { one, beside, others } }) => [one, beside, ...others])
  const slowestToLeave = Math.max(...found.map(({ leftSeconds }) => leftSeconds))
  return {
    table: [
      ['load average before', machineLoad.toFixed(1)],
      ['one replica answers at most, connections balanced', `${connections.most.toFixed(0)} a second`],
      ['one replica answers at most, requests balanced', `${requests.most.toFixed(0)} a second`],
      ['pace', `${share * 100} % of each`],
      ['to leave after SIGTERM, longest', `${slowestToLeave.toFixed(1)} s`],
      ...phaseTable(phases),
    ],
    figures: {
      machineLoad,
      connectionsMostPerSecond: connections.most,
      requestsMostPerSecond: requests.most,
      leftSeconds: slowestToLeave,
      ...Object.fromEntries(phases.map((each) => [each.key, phaseFigures(each)])),
    },
    failures: [
      ...found.flatMap((path) => shortfalls(path.phases)),
      ...(slowestToLeave < graceSeconds ? [] : [`a replica took ${slowestToLeave.toFixed(1)} s to leave`]),
    ],
  }
}

/** Half of them exchanges, half introspections, asked of a replica that is gone afterwards. */
async function allQuestions({ fleet, bound, ca }: Scene): Promise<Question[]> {
  const { port } = await fleet.authority(replicaFlags)
  const exchanges = bound.map(({ token }) => exchange(token))
  const introspections = await introspectionsOf(
    { url: `https://127.0.0.1:${port}`, ca, servername: servingName },
    exchanges,
    bound[0]?.token ?? '',
  )
  await fleet.stop()
  return exchanges.flatMap((question, index) => [question, introspections[index] ?? question])
}

interface Path {
  readonly key: string
  readonly name: string
  readonly proxy: (directory: string) => Promise<Proxy>
  /** Whether a request may fail at the first attempt while a replica is killed. */
  readonly mayFailOnceKilled: boolean
}

/** One replica, two, and what becomes of two, on one path from services to replicas. */
async function onPath({ minutes, log, fleet, ca, directory }: Scene, questions: readonly Question[], path: Path) {
  const files = join(directory, path.key)
  await mkdir(files)
  const proxy = await path.proxy(files)
  try {
    const startReplica = () => fleet.authority(replicaFlags)
    const deployment = new Deployment({ proxy, startReplica, endpointLagMs, minReadyMs })
    await deployment.add()
    const load = { services, questions, peer: { url: proxy.url, ca, servername: servingName }, log }
    await mostPerSecond({ ...load, leastSeconds: warmUpSeconds })
    const most = await mostPerSecond({ ...load, leastSeconds: warmUpSeconds })
    const pace = { ...load, perSecond: share * most }
    log(`${path.name}: one replica answers ${most.toFixed(0)} a second, the pace is ${pace.perSecond.toFixed(0)}`)
    const phases = new Phases({ ...pace, settleSeconds, leastSeconds: minutes * phaseSecondsPerMinute }, path)
    const one = await phases.run('One', 'one replica')
    const beside = await phases.run('Beside', `one replica, another starts and goes unused, ${kills} times`, {
      meanwhile: () => deployment.startBeside(),
      times: kills,
    })
    await deployment.add()
    await pacedLoad({ ...pace, leastSeconds: warmUpSeconds })
    const others = [
      await phases.run('Two', 'two replicas'),
      await phases.run('Deleted', 'one of two deleted (SIGTERM)', { meanwhile: () => deployment.delete() }),
      await phases.run('Rolled', 'both rolled', { meanwhile: () => deployment.roll() }),
      await phases.run('Killed', `one of two killed (SIGKILL), ${kills} times`, {
        meanwhile: () => deployment.kill(),
        times: kills,
        mayFailOnce: path.mayFailOnceKilled,
      }),
    ]
    return { most, phases: { one, beside, others }, leftSeconds: Math.max(...deployment.leftSeconds) }
  } finally {
    await proxy.stop()
    await fleet.stop()
  }
}
