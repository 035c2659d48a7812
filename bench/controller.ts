import { loadConfig } from '../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../src/kube/client/http-client.ts'
import { resources } from '../src/kube/client/resource.ts'
import { startControlPlane } from '../tools/cluster/control-plane.ts'
import { ControllerProcess, installForController } from './controller-process.ts'
import { identity, inParallel, percentile, ReadyWatch } from './ready-watch.ts'

export const name = 'controller'
export const describe =
  'many identities applied at once on a real API server: time to Ready, API calls, memory (--identities 1000)'

const namespace = 'bench'

/** Applies the identities as fast as the API server takes them; `signet controller` runs as the chart's account. */
export async function run(options: { readonly identities?: number } = {}): Promise<Record<string, number>> {
  const count = options.identities ?? 1000
  const plane = await startControlPlane()
  let controller: ControllerProcess | undefined
  try {
    await installForController(plane, [namespace])
    const process = await ControllerProcess.start(plane)
    controller = process
    const idleMb = await process.residentMb()
    const callsBefore = (await process.metrics()).apiCalls()
    const client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
    const watch = await ReadyWatch.start(client, namespace)
    const names = Array.from({ length: count }, (_, index) => `service-${index}`)
    const cpuBefore = await process.cpuSeconds()
    const appliedAt = new Map<string, number>()
    const began = performance.now()
    let peakMb = idleMb
    const sampler = setInterval(() => void process.residentMb().then((mb) => (peakMb = Math.max(peakMb, mb))), 250)
    await inParallel(names, 32, async (item) => {
      appliedAt.set(item, performance.now())
      await client.create(resources.serviceIdentities, identity(namespace, item))
    })
    const applied = performance.now()
    await Promise.all(names.map((item) => watch.ready(item, 120_000)))
    const readyAfter = performance.now() - began
    // Events are written behind the reconcile: they count too.
    await new Promise((resolve) => setTimeout(resolve, 5000))
    clearInterval(sampler)
    const calls = (await process.metrics()).apiCalls() - callsBefore
    const delays = names.map((item) => (watch.readyAt.get(item) ?? 0) - (appliedAt.get(item) ?? 0))
    const cpu = (await process.cpuSeconds()) - cpuBefore
    await watch.stop()
    await client.close()
    return {
      identities: count,
      applySeconds: round((applied - began) / 1000),
      allReadySeconds: round(readyAfter / 1000),
      p50Ms: round(percentile(delays, 0.5)),
      p99Ms: round(percentile(delays, 0.99)),
      apiCallsPerIdentity: round(calls / count),
      cpuSeconds: round(cpu),
      idleMb: round(idleMb),
      residentMb: round(peakMb),
    }
  } finally {
    await controller?.stop()
    await plane.stop()
  }
}

const round = (value: number): number => Math.round(value * 100) / 100
