import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { Outcome, Soak } from './soak.ts'
import { fetchText, startDelayedCopies } from './verifiers/delayed-copies.ts'
import { audience } from './verifiers/exhibits.ts'
import {
  applyIdentities,
  changeAlgorithm,
  changingIdentity,
  deletedIdentity,
  deleteIdentity,
  namespace,
  publishAheadSeconds,
  steadyIdentities,
} from './verifiers/identities.ts'
import { type RunningIssuer, startIssuer } from './verifiers/issuer.ts'
import { startParties } from './verifiers/parties.ts'
import { deletedAt, forgottenAfterSeconds, outcomeOf, progressOf } from './verifiers/report.ts'
import { Rounds } from './verifiers/rounds.ts'
import { Showing } from './verifiers/showing.ts'
import { SigningKeys } from './verifiers/signing-keys.ts'
import { prepareTools, type Tools } from './verifiers/tools.ts'

type Log = (line: string) => void
/** What is to be done at the end, in whatever order things have been started. */
type AtEnd = (stop: () => Promise<void>) => void

/**
 * The real controller rotates the key of each identity every minute, published 30 s ahead, on a real API server; two
 * replicas of the real authority serve the keys over TLS. The controller mints a token every two minutes or so, and
 * these are shown as they are. For one each second, and for one at the very moment at which a fresh key may sign, the
 * soak test signs itself: with the code of the controller, by the key that is active in the stored ring just then.
 */
export const verifiers: Soak = {
  describe:
    `jose, PyJWT, go-oidc and Envoy, with copies of the key set as old as publishAhead allows, judge valid and hostile ` +
    `tokens each second, while ${steadyIdentities.length + 1} identities rotate their keys every minute: ` +
    `0 false rejects, 0 false accepts`,
  defaultMinutes: 15,
  leastMinutes: 2,
  onCluster: false,
  run,
}

async function run(minutes: number, log: Log): Promise<Outcome> {
  const stops: (() => Promise<void>)[] = []
  const atEnd: AtEnd = (stop) => void stops.unshift(stop)
  try {
    const tools = await prepareTools(log)
    const issuer = await startIssuer(log)
    atEnd(issuer.stop)
    await applyIdentities(issuer.kubectl)
    return await soak(minutes, tools, issuer, log, atEnd)
  } finally {
    for (const stop of stops) await stop().catch((error: unknown) => log(String(error)))
  }
}

async function soak(minutes: number, tools: Tools, issuer: RunningIssuer, log: Log, atEnd: AtEnd): Promise<Outcome> {
  const names = [...steadyIdentities, changingIdentity]
  const [firstDelaysMs, publishedMs]: [number[], number[]] = [[], []]
  const uri = `${issuer.url}/jwks.json`
  const ca = await readFile(issuer.caFile, 'utf8')
  const delayed = await startDelayedCopies({ uri, ca, ageMs: publishAheadSeconds * 1000, everyMs: 100 })
  atEnd(delayed.close)
  log(`waiting until no copy is older than the first keys, which are not published ahead`)
  await sleep((publishAheadSeconds + 2) * 1000)

  const parties = await startParties(
    {
      ...{ tools, audience, issuer: issuer.url, caFile: issuer.caFile, directory: issuer.directory },
      ...{ maxAgeSeconds: publishAheadSeconds, delayed },
    },
    (verifier) => atEnd(verifier.stop),
  )
  const showing = new Showing(parties)
  const keys = await SigningKeys.watch(issuer.kubeconfig, namespace)
  atEnd(() => keys.stop())
  const unpublished = await generateSigningKey('ES256')
  const rounds = new Rounds({ issuer: issuer.url, namespace, identities: names, keys, unpublished })
  keys.onActivation((name, slot) => {
    if (!names.includes(name)) return
    const now = Date.now()
    firstDelaysMs.push(now - (slot.activeAt ?? 0))
    publishedMs.push((slot.activeAt ?? 0) - (slot.publishedAt ?? 0))
    showing.show(rounds.first(name, slot, now))
  })

  await eachSecond(minutes * 60, async (second) => {
    showing.show(rounds.next(Date.now()))
    if (second === deletedAt(minutes)) {
      rounds.steal(deletedIdentity)
      await deleteIdentity(issuer.kubectl)
      log(`deleted identity ${deletedIdentity}; its key goes on signing in the hands of a thief`)
    }
    if (second === deletedAt(minutes) + forgottenAfterSeconds) rounds.showStolen()
    if (second % 60 !== 0) return
    const { shown } = showing
    log(`minute ${second / 60} of ${minutes}: ${progressOf(parties, { shown, rotations: keys.rotations })}`)
    await changeAlgorithm(issuer.kubectl, second / 60)
  })
  await showing.settled()
  const served = JSON.parse(await fetchText(uri, ca)) as { keys: unknown[] }
  const { shown, problems } = showing
  const observed = { shown, problems, rotations: keys.rotations, firstDelaysMs, publishedMs }
  return outcomeOf(minutes, parties, { ...observed, servedKeys: served.keys.length })
}

/** One after the other, each at its second or, where the one before took longer, as soon as that is done. */
async function eachSecond(count: number, task: (second: number) => Promise<void>): Promise<void> {
  const began = performance.now()
  for (let second = 1; second <= count; second += 1) {
    await sleep(Math.max(0, began + second * 1000 - performance.now()))
    await task(second)
  }
}
