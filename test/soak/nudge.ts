import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../../src/kube/client/resource.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { name, withSampledPod } from './sampled-pod.ts'
import type { Outcome, Soak } from './soak.ts'
import { percentile, Tally } from './tally.ts'

const namespace = 'soak-nudge'
const renewals = 100
const p99LimitMs = 2000

/** Times are those of this machine's clock, which the pod shares: the cluster's node is this machine. */
export const nudge: Soak = {
  describe:
    `a pod looks every 20 ms whether its mounted token has changed, while its identity gets another audience ` +
    `${renewals} times: Secret written to file changed, p99 < ${p99LimitMs / 1000} s`,
  defaultMinutes: 10,
  leastMinutes: 5,
  onCluster: true,
  run,
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  const tally = new Tally()
  /** From the change of the spec to the change of the file, in milliseconds. */
  const sinceSpec: number[] = []
  const tokens = (audience: string) => [{ name: 'soak', audience, lifetime: '5m' }]
  await withSampledPod(
    {
      namespace,
      spec: { tokens: tokens('soak') },
      log,
      onSample: (sample) => tally.saw(sample),
      onWrite: (tokenID, at) => tally.wrote(tokenID, at),
    },
    async ({ client }) => {
      const deadline = performance.now() + minutes * 60_000
      for (let number = 1; number <= renewals && performance.now() < deadline; number += 1) {
        const before = tally.delays.length
        const patch = { spec: { tokens: tokens(`soak-${number}`) } }
        const at = performance.now()
        await client.patch(resources.serviceIdentities, { namespace, name }, patch, { type: 'merge' })
        await waitFor({
          what: `renewal ${number} to reach the file`,
          limitMs: 150_000,
          everyMs: 10,
          until: async () => tally.delays.length > before,
        })
        sinceSpec.push(performance.now() - at)
        if (number % 10 === 0) log(`${number} of ${renewals} renewals: ${progressOf(tally)}`)
        // At any point of kubelet's own round, which a steady pace would always meet at the same.
        await sleep(500 + Math.random() * 2000)
      }
    },
  )
  return outcomeOf(tally, sinceSpec)
}

const ms = (value: number): string => `${Math.round(value)} ms`

function progressOf({ delays, problems }: Tally): string {
  const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)]
  return `Secret to file p50 ${ms(p50)}, p99 ${ms(p99)}, ${problems.length} not verified`
}

/** Exported for its test. */
export function outcomeOf({ delays, problems }: Tally, sinceSpec: readonly number[]): Outcome {
  const figures = {
    renewals: delays.length,
    fileP50Ms: percentile(delays, 0.5),
    fileP99Ms: percentile(delays, 0.99),
    fileMaxMs: percentile(delays, 1),
    specToFileP50Ms: percentile(sinceSpec, 0.5),
    specToFileP99Ms: percentile(sinceSpec, 0.99),
    notVerified: problems.length,
  }
  const failures = [...problems]
  if (figures.renewals < renewals) failures.push(`${figures.renewals} renewals were seen, fewer than ${renewals}`)
  if (!(figures.fileP99Ms < p99LimitMs)) failures.push(`p99 is ${ms(figures.fileP99Ms)}, not below ${p99LimitMs} ms`)
  return {
    table: [
      ['renewals', String(figures.renewals)],
      ['Secret written to file changed, p50', ms(figures.fileP50Ms)],
      ['Secret written to file changed, p99', ms(figures.fileP99Ms)],
      ['Secret written to file changed, longest', ms(figures.fileMaxMs)],
      ['spec changed to file changed, p50', ms(figures.specToFileP50Ms)],
      ['spec changed to file changed, p99', ms(figures.specToFileP99Ms)],
      ['not verified against the served keys', String(figures.notVerified)],
    ],
    figures,
    failures,
  }
}
