import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../src/kube/client/resource.ts'
import type { Secret } from '../src/kube/secrets/secret-codec.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { ControllerProcess } from './controller-process.ts'
import { burst, etcdMb, namespace, type Stage, untilQuiet, withStage } from './many-identities.ts'
import { type Figures, type Findings, type Options, progress } from './measurement.ts'
import { inParallel } from './ready-watch.ts'

export const name = 'identities'
export const describe =
  'many identities on a real API server: time to Ready, memory, steady CPU, restart (--identities 10000 --foreign 2000 --seconds 60)'

/**
 * All identities at once, then a window in which as many tokens are renewed as with tokens of an hour for all: every
 * twelfth identity has tokens of five minutes, the others of a day, since an hour's take half an hour to be due. Then
 * Secrets that do not belong to Signet, then a restart.
 */
export async function run(options: Options): Promise<Findings> {
  const { identities = 10_000, foreign = 2000, seconds = 60 } = options
  return withStage(async (stage) => {
    const idleMb = await stage.controller.residentMb()
    const etcdBefore = await etcdMb(stage)
    const made = await burst(stage, identities, (index) => ({
      tokens: [{ name: 'default', audience: 'cluster.local', lifetime: index % 12 === 0 ? '5m' : '24h' }],
    }))
    const loop = await eventLoop(stage.controller)
    const etcd = { etcdKbPerIdentity: (((await etcdMb(stage)) - etcdBefore) * 1024) / identities }
    tell({ identities, idleMb, ...made, ...loop, ...etcd })
    const steady = tell(await steadyWindow(stage.controller, seconds, identities))
    const others = tell(await foreignSecrets(stage, foreign))
    const loopHistogram = tell(await eventLoopHistogram(stage.controller))
    const restart = await restarted(stage, identities)
    return { identities, idleMb, ...made, ...loop, ...etcd, ...steady, ...others, ...restart, loopHistogram }
  })
}

/** Prints intermediate results, so that a long run that fails near its end has not lost them. */
function tell<T extends Figures>(figures: T): T {
  progress(JSON.stringify(figures))
  return figures
}

/** The number of seconds of the run by their longest delay of the event loop, from the controller's histogram. */
async function eventLoopHistogram(controller: ControllerProcess): Promise<Figures> {
  const metrics = await controller.metrics()
  const upTo = (limit: string) => metrics.value(`signet_event_loop_delay_seconds_bucket{le="${limit}"}`)
  const limits = ['0.005', '0.01', '0.02', '0.05', '0.1', '0.2', '0.5', '1', '5', '+Inf']
  return Object.fromEntries(
    limits.map((limit, index) => {
      const name = limit === '+Inf' ? 'secondsBeyond' : `secondsUpTo${Number(limit) * 1000}Ms`
      return [name, upTo(limit) - (index === 0 ? 0 : upTo(limits[index - 1] ?? ''))]
    }),
  )
}

/** The number of seconds with a delay of the event loop over 200 ms, and maximum and 99.9th percentile of all delays. */
async function eventLoop(controller: ControllerProcess): Promise<Record<string, number>> {
  const metrics = await controller.metrics()
  const count = metrics.value('signet_event_loop_delay_seconds_count')
  return {
    loopMaxMs: metrics.value('signet_event_loop_delay_quantile_seconds{quantile="1"}') * 1000,
    loopP999Ms: metrics.value('signet_event_loop_delay_quantile_seconds{quantile="0.999"}') * 1000,
    loopSecondsOver200Ms: count - metrics.value('signet_event_loop_delay_seconds_bucket{le="0.2"}'),
  }
}

async function steadyWindow(
  controller: ControllerProcess,
  seconds: number,
  identities: number,
): Promise<Record<string, number>> {
  // The first five-minute tokens are due after two minutes; before, nothing is renewed.
  const renewed = async (): Promise<number> =>
    (await controller.metrics()).value('signet_tokens_minted_total{reason="Renewing"}')
  await waitFor({
    what: 'the first renewals',
    limitMs: 5 * 60_000,
    everyMs: 1000,
    gaveUp: () => controller.gone(),
    until: async () => (await renewed()) > identities / 12 / 10,
  })
  progress(`steady for ${seconds} s`)
  const before = { cpu: await controller.cpuSeconds(), renewed: await renewed(), at: performance.now() }
  const callsBefore = (await controller.metrics()).apiCalls()
  await sleep(seconds * 1000)
  const elapsed = (performance.now() - before.at) / 1000
  const renewals = (await renewed()) - before.renewed
  return {
    steadyCores: ((await controller.cpuSeconds()) - before.cpu) / elapsed,
    steadyMb: await controller.residentMb(),
    steadyRenewalsPerSecond: renewals / elapsed,
    steadyCallsPerSecond: ((await controller.metrics()).apiCalls() - callsBefore) / elapsed,
  }
}

/** Secrets without our labels: the API server keeps them from us, so memory and CPU stay as they were. */
async function foreignSecrets({ client, controller }: Stage, count: number): Promise<Record<string, number>> {
  const before = { mb: await controller.residentMb(), cpu: await controller.cpuSeconds(), at: performance.now() }
  const data = { password: Buffer.alloc(900, 'x').toString('base64') }
  await inParallel(
    Array.from({ length: count }, (_, index) => index),
    16,
    async (index) => {
      const secret: Secret = { metadata: { name: `foreign-${index}`, namespace }, type: 'Opaque', data }
      await client.create(resources.secrets, secret)
    },
  )
  const elapsed = (performance.now() - before.at) / 1000
  progress(`${count} foreign Secrets made in ${elapsed.toFixed(0)} s`)
  return {
    foreignSecrets: count,
    foreignGrowthMb: (await controller.residentMb()) - before.mb,
    foreignCores: ((await controller.cpuSeconds()) - before.cpu) / elapsed,
  }
}

/** A new process takes over after another has released the Lease: until it has reconciled each identity and idles. */
async function restarted(stage: Stage, identities: number): Promise<Record<string, number>> {
  await stage.controller.stop()
  const began = performance.now()
  const controller = await ControllerProcess.start(stage.plane)
  stage.controller = controller
  const leadingSeconds = (performance.now() - began) / 1000
  await waitFor({
    what: 'the restarted controller to reconcile every identity',
    limitMs: 10 * 60_000,
    everyMs: 250,
    gaveUp: () => controller.gone(),
    until: async () => {
      const metrics = await controller.metrics()
      const looked = metrics.sum((series) =>
        series.startsWith('signet_reconcile_duration_seconds_count{controller="service-identity"'),
      )
      return looked >= identities && metrics.value('signet_queue_depth{controller="service-identity"}') === 0
    },
  })
  const restartSeconds = (performance.now() - began) / 1000
  progress(`steady ${restartSeconds.toFixed(1)} s after a restart`)
  await untilQuiet(controller)
  const metrics = await controller.metrics()
  const minted = metrics.sum((series) => series.startsWith('signet_tokens_minted_total{'))
  const renewed = metrics.value('signet_tokens_minted_total{reason="Renewing"}')
  const loop = await eventLoop(controller)
  return {
    restartLeadingSeconds: leadingSeconds,
    restartSeconds,
    restartCpuSeconds: await controller.cpuSeconds(),
    restartMb: await controller.residentMb(),
    restartTokensDue: renewed,
    restartTokensMintedElse: minted - renewed,
    restartLoopMaxMs: loop.loopMaxMs ?? Number.NaN,
  }
}
