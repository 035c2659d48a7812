import { rotateKeyAnnotation } from '../../src/identity/workload.ts'
import { name, withSampledPod } from './sampled-pod.ts'
import type { Figures, Outcome, Soak } from './soak.ts'
import { percentile, shortfalls, Tally } from './tally.ts'

/** A token of five minutes is renewed after two to two and a half: twelve minutes show four renewals. */
const leastMinutes = 12
/** The key is asked for before the first rotation by itself, after nine to ten minutes; another follows as late again. */
const bar = (minutes: number) => ({
  secondsLeft: 120,
  renewals: 4,
  rotations: minutes < 20 ? 1 : 2,
  longestGapMs: 5000,
})

export const mount: Soak = {
  describe:
    'a pod reads its mounted token each second and verifies it against the served keys, with lifetime 5m, a forced ' +
    'key rotation and one by the clock',
  defaultMinutes: 20,
  leastMinutes,
  onCluster: true,
  run,
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  const tally = new Tally()
  await withSampledPod(
    {
      namespace: 'soak-mount',
      spec: {
        tokens: [{ name: 'soak', lifetime: '5m' }],
        signingKey: { rotationPeriod: '10m', publishAhead: '30s' },
      },
      log,
      onSample: (sample) => tally.saw(sample),
      onWrite: (tokenID, at) => tally.wrote(tokenID, at),
    },
    async ({ kubectl }) => {
      const forced = { at: minutes / 4, run: () => kubectl('annotate', 'sid', name, `${rotateKeyAnnotation}=soak`) }
      await minuteByMinute(minutes, tally, forced, log)
    },
  )
  return { table: tableOf(tally, minutes), figures: figuresOf(tally), failures: shortfalls(tally, bar(minutes)) }
}

async function minuteByMinute(
  minutes: number,
  tally: Tally,
  forced: { at: number; run: () => Promise<unknown> },
  log: (line: string) => void,
): Promise<void> {
  const began = performance.now()
  const until = (minute: number) =>
    new Promise((resolve) => setTimeout(resolve, Math.max(0, began + minute * 60_000 - performance.now())))
  let asked = false
  for (let minute = 1; minute <= minutes; minute += 1) {
    await until(minute)
    log(`minute ${minute} of ${minutes}: ${progressOf(tally)}`)
    if (asked || minute < forced.at) continue
    asked = true
    await forced.run()
    log('asked for a new key, by annotation')
  }
}

function progressOf({ samples, leastLeft, renewals, rotations, problems }: Tally): string {
  return (
    `${samples} samples, at least ${Math.floor(leastLeft)} s left, ${renewals} renewals, ` +
    `${rotations} key rotations, ${problems.length} not verified`
  )
}

function tableOf(tally: Tally, minutes: number): [string, string][] {
  const delay = (share: number) => `${Math.round(percentile(tally.delays, share))} ms`
  return [
    ['minutes', String(minutes)],
    ['samples', String(tally.samples)],
    ['longest time without one', `${(tally.longestGapMs / 1000).toFixed(1)} s`],
    ['not verified against the served keys', String(tally.problems.length)],
    ['renewals seen', String(tally.renewals)],
    ['key rotations seen', String(tally.rotations)],
    ['least time that a mounted token had left', `${tally.leastLeft.toFixed(1)} s`],
    ['Secret written to file changed, p50', delay(0.5)],
    ['Secret written to file changed, p99', delay(0.99)],
  ]
}

function figuresOf({ samples, longestGapMs, problems, renewals, rotations, leastLeft, delays }: Tally): Figures {
  return {
    samples,
    longestGapMs,
    notVerified: problems.length,
    renewals,
    rotations,
    leastSecondsLeft: leastLeft,
    fileP50Ms: percentile(delays, 0.5),
    fileP99Ms: percentile(delays, 0.99),
  }
}
