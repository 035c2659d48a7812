import type { ServiceIdentity } from '../src/api/v1alpha1/types.ts'
import { loadConfig } from '../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../src/kube/client/http-client.ts'
import { resources } from '../src/kube/client/resource.ts'
import { Kubectl } from '../test/apiserver/kubectl.ts'
import { type ControlPlane, startControlPlane } from '../tools/cluster/control-plane.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { ControllerProcess, cpuSecondsOf, installForController } from './controller-process.ts'
import { progress } from './measurement.ts'
import { identity, inParallel } from './ready-watch.ts'

export const namespace = 'bench'
const appliers = 16
const limitMs = 30 * 60_000

/** An API server with nothing but the controller's objects, and the controller beside it. */
export interface Stage {
  readonly plane: ControlPlane
  readonly client: HttpKubeClient
  controller: ControllerProcess
}

export async function withStage<T>(use: (stage: Stage) => Promise<T>): Promise<T> {
  // An administrator's client is exempt from API priority and fairness, which would otherwise be measured too.
  const plane = await startControlPlane({ apiServerFlags: ['--max-requests-inflight=800'] })
  const client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
  let stage: Stage | undefined
  try {
    await installForController(plane, [namespace])
    stage = { plane, client, controller: await ControllerProcess.start(plane) }
    return await use(stage)
  } finally {
    await stage?.controller.stop()
    await client.close()
    await plane.stop()
  }
}

export interface Burst {
  readonly applySeconds: number
  readonly allReadySeconds: number
  readonly apiCallsPerIdentity: number
  readonly cpuMsPerIdentity: number
  readonly apiServerCpuMsPerIdentity: number
  readonly peakMb: number
}

/** Applies all at once and waits until every one is Ready and the controller is at rest. */
export async function burst(
  { plane, client, controller }: Stage,
  count: number,
  spec: (index: number) => ServiceIdentity['spec'],
): Promise<Burst> {
  const before = {
    calls: (await controller.metrics()).apiCalls(),
    cpu: await controller.cpuSeconds(),
    apiServer: await cpuSecondsOf(plane.apiServerPid()),
  }
  let peakMb = 0
  const sampler = setInterval(() => void controller.residentMb().then((mb) => (peakMb = Math.max(peakMb, mb))), 500)
  try {
    const began = performance.now()
    const since = (): number => (performance.now() - began) / 1000
    const indexes = Array.from({ length: count }, (_, index) => index)
    await inParallel(indexes, appliers, async (index) => {
      await client.create(resources.serviceIdentities, {
        ...identity(namespace, `service-${index}`),
        spec: spec(index),
      })
    })
    const applySeconds = since()
    progress(`${count} applied in ${applySeconds.toFixed(0)} s`)
    await untilReady(controller, count)
    const allReadySeconds = since()
    progress(`all Ready after ${allReadySeconds.toFixed(0)} s`)
    await untilQuiet(controller)
    const calls = (await controller.metrics()).apiCalls() - before.calls
    const cpu = (await controller.cpuSeconds()) - before.cpu
    const apiServer = (await cpuSecondsOf(plane.apiServerPid())) - before.apiServer
    return {
      applySeconds,
      allReadySeconds,
      apiCallsPerIdentity: calls / count,
      cpuMsPerIdentity: (cpu * 1000) / count,
      apiServerCpuMsPerIdentity: (apiServer * 1000) / count,
      peakMb,
    }
  } finally {
    clearInterval(sampler)
  }
}

async function untilReady(controller: ControllerProcess, count: number): Promise<void> {
  await waitFor({
    what: `${count} identities to be Ready`,
    limitMs,
    everyMs: 500,
    gaveUp: () => controller.gone(),
    until: async () => (await controller.metrics()).value('signet_identities{ready="true"}') >= count,
  })
}

/** Waits until no key is in any queue, and the Events are written, which come behind. */
export async function untilQuiet(controller: ControllerProcess): Promise<void> {
  let calls = -1
  await waitFor({
    what: 'the controller to come to rest',
    limitMs,
    everyMs: 2000,
    gaveUp: () => controller.gone(),
    until: async () => {
      const metrics = await controller.metrics()
      const before = calls
      calls = metrics.apiCalls()
      return metrics.sum((series) => series.startsWith('signet_queue_depth')) === 0 && calls - before < 100
    },
  })
}

/** What etcd holds on disk, history included, in MiB, as the API server tells it. */
export async function etcdMb({ plane }: Stage): Promise<number> {
  const metrics = await (await Kubectl.of(plane)).run(['get', '--raw', '/metrics'])
  return Number(/^apiserver_storage_size_bytes\{[^}]*\} (\S+)/m.exec(metrics)?.[1] ?? Number.NaN) / 2 ** 20
}
