import { rotateKeyAnnotation } from '../src/identity/workload.ts'
import { resources } from '../src/kube/client/resource.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { burst, namespace, untilQuiet, withStage } from './many-identities.ts'
import { type Findings, type Options, progress } from './measurement.ts'
import { inParallel } from './ready-watch.ts'

export const name = 'rotation'
export const describe =
  'keys of many identities rotated on a real API server, all asked for at once: time and API calls (--identities 10000)'

/** The least that verifiers can be given to learn of a key. */
const publishAheadSeconds = 30

/** Every identity is asked for a rotation by annotation; it is done when a new key signs and the old one is retired. */
export async function run(options: Options): Promise<Findings> {
  const { identities = 10_000 } = options
  return withStage(async (stage) => {
    const { client, controller } = stage
    await burst(stage, identities, () => ({
      tokens: [{ name: 'default', audience: 'cluster.local', lifetime: '24h' }],
      signingKey: { rotationPeriod: '24h', publishAhead: `${publishAheadSeconds}s` },
    }))
    const before = { calls: (await controller.metrics()).apiCalls(), cpu: await controller.cpuSeconds() }
    const began = performance.now()
    const since = (): number => (performance.now() - began) / 1000
    const steps = async (change: string): Promise<number> =>
      (await controller.metrics()).value(`signet_key_changes_total{change="${change}"}`)
    const all = (change: string) =>
      waitFor({
        what: `${identities} keys to be ${change}`,
        limitMs: 30 * 60_000,
        everyMs: 250,
        gaveUp: () => controller.gone(),
        until: async () => (await steps(change)) >= identities,
      })
    const annotations = { [rotateKeyAnnotation]: 'bench' }
    await inParallel(
      Array.from({ length: identities }, (_, index) => `service-${index}`),
      16,
      async (item) => {
        await client.patch(
          resources.serviceIdentities,
          { namespace, name: item },
          { metadata: { annotations } },
          { type: 'merge' },
        )
      },
    )
    const requestedSeconds = since()
    progress(`${identities} rotations asked for in ${requestedSeconds.toFixed(0)} s`)
    await all('Published')
    const publishedSeconds = since()
    await all('Retired')
    const rotatedSeconds = since()
    progress(`all rotated after ${rotatedSeconds.toFixed(0)} s`)
    await untilQuiet(controller)
    const calls = (await controller.metrics()).apiCalls() - before.calls
    const cpu = (await controller.cpuSeconds()) - before.cpu
    const tokens = (await controller.metrics()).sum((series) => /^signet_tokens_minted_total\{/.test(series))
    return {
      identities,
      requestedSeconds,
      publishedSeconds,
      rotatedSeconds,
      beyondPublishAheadSeconds: rotatedSeconds - publishAheadSeconds,
      apiCallsPerRotation: calls / identities,
      cpuMsPerRotation: (cpu * 1000) / identities,
      tokensMintedMeanwhile: tokens - identities,
      residentMb: await controller.residentMb(),
    }
  })
}
