import { setTimeout as sleep } from 'node:timers/promises'
import { apiVersion } from '../../src/api/v1alpha1/group-version.ts'
import { workloadSecretName } from '../../src/identity/workload.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { resources } from '../../src/kube/client/resource.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { AuthorityClient } from '../e2e/authority.ts'
import { TestCluster } from '../e2e/cluster.ts'
import { identity } from '../e2e/manifests.ts'
import { Revocations, revocationShortfalls } from './revocations.ts'
import { name, withSampledPod } from './sampled-pod.ts'
import type { Outcome, Soak } from './soak.ts'
import { percentile } from './tally.ts'

const namespace = 'soak-revoke'
const bystanders = Array.from({ length: 5 }, (_, index) => `bystander-${index}`)
const bar = { count: 30, p99Ms: 5000 }
const limitMs = 150_000

/** Times are those of this machine's clock, which the pod shares: the cluster's node is this machine. */
export const revoke: Soak = {
  describe:
    `the key in use of an identity is revoked ${bar.count} times: JWK Set without it on every replica and a token of a ` +
    `fresh key in the pod's file, p99 < ${bar.p99Ms / 1000} s; other identities' Secrets stay as they are`,
  defaultMinutes: 10,
  leastMinutes: 5,
  onCluster: true,
  run,
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  const revocations = new Revocations()
  const found = { touched: [] as string[], returned: [] as string[] }
  await withSampledPod(
    {
      namespace,
      spec: { tokens: [{ name: 'soak', lifetime: '1h' }] },
      others: bystanders.map((other) => identity(other, namespace, { tokens: [{ name: 'soak', lifetime: '24h' }] })),
      log,
      onSample: (sample) => revocations.saw(sample),
    },
    async ({ client }) => {
      const test = await TestCluster.of()
      await test.identitiesReady(namespace)
      const replicas = await AuthorityClient.ofReplicas(test)
      if (replicas.length < 2) throw new Error(`${replicas.length} authorities run, fewer than 2`)
      const before = await secretsOf(client)
      const deadline = performance.now() + minutes * 60_000
      for (let number = 1; number <= bar.count && performance.now() < deadline; number += 1) {
        await revokeKeyInUse(number, client, replicas, revocations)
        if (number % 5 === 0) log(`${number} of ${bar.count} keys revoked: ${progressOf(revocations)}`)
        await sleep(1000 + Math.random() * 2000)
      }
      const after = await secretsOf(client)
      found.touched.push(...[...before].flatMap(([other, text]) => (after.get(other) === text ? [] : [other])))
      const served = new Set(
        (await Promise.all(replicas.map((replica) => replica.jwks()))).flat().map(({ kid }) => kid),
      )
      found.returned.push(...revocations.keyIDs.filter((keyID) => served.has(keyID)))
    },
  )
  return outcomeOf(revocations, found)
}

async function revokeKeyInUse(
  number: number,
  client: KubeClient,
  replicas: readonly AuthorityClient[],
  revocations: Revocations,
): Promise<void> {
  const seen = async () => revocations.keyInUse !== undefined
  await waitFor({ what: 'the pod to tell which key is in use', limitMs: 30_000, until: seen })
  const keyID = revocations.keyInUse ?? ''
  revocations.revoke(keyID, Date.now())
  await client.create(resources.tokenRevocations, {
    apiVersion,
    kind: resources.tokenRevocations.kind,
    metadata: { name: `soak-${number}`, namespace },
    spec: { identity: name, keyID, reason: 'soak' },
  })
  const withdrawn = async (replica: AuthorityClient): Promise<void> => {
    const until = async () => (await replica.jwks()).every(({ kid }) => kid !== keyID)
    await waitFor({ what: `key ${keyID} to leave the JWK Set`, limitMs, everyMs: 50, until })
  }
  await Promise.all(replicas.map(withdrawn))
  revocations.withdrawn(keyID, Date.now())
  const done = async () => revocations.isDone(keyID)
  await waitFor({ what: `a token of another key than ${keyID} in the file`, limitMs, everyMs: 10, until: done })
}

/** The Secrets of the bystanders by name, whole: contents, labels and version. */
async function secretsOf(client: KubeClient): Promise<Map<string, string>> {
  const secrets = bystanders.map(async (other): Promise<[string, string]> => {
    const secret = await client.get<Secret>(resources.secrets, { namespace, name: workloadSecretName(other) })
    if (secret === undefined) throw new Error(`identity ${other} has no Secret`)
    return [workloadSecretName(other), JSON.stringify(secret)]
  })
  return new Map(await Promise.all(secrets))
}

const ms = (value: number): string => `${Math.round(value)} ms`

function progressOf(revocations: Revocations): string {
  const { both } = revocations.delays()
  return `revoked to replaced p50 ${ms(percentile(both, 0.5))}, p99 ${ms(percentile(both, 0.99))}`
}

function outcomeOf(
  revocations: Revocations,
  found: { touched: readonly string[]; returned: readonly string[] },
): Outcome {
  const { withdrawn, replaced, both } = revocations.delays()
  const figures = {
    revocations: both.length,
    jwksP50Ms: percentile(withdrawn, 0.5),
    jwksP99Ms: percentile(withdrawn, 0.99),
    fileP50Ms: percentile(replaced, 0.5),
    fileP99Ms: percentile(replaced, 0.99),
    bothP99Ms: percentile(both, 0.99),
    othersTouched: found.touched.length,
    notVerified: revocations.problems.length,
  }
  return {
    table: [
      ['keys revoked', String(figures.revocations)],
      ['revoked to gone from the JWK Set of every replica, p50', ms(figures.jwksP50Ms)],
      ['revoked to gone from the JWK Set of every replica, p99', ms(figures.jwksP99Ms)],
      ["revoked to fresh token in the pod's file, p50", ms(figures.fileP50Ms)],
      ["revoked to fresh token in the pod's file, p99", ms(figures.fileP99Ms)],
      ['both, p99', ms(figures.bothP99Ms)],
      ["other identities' Secrets touched", `${figures.othersTouched} of ${bystanders.length}`],
      ['valid tokens not verified', String(figures.notVerified)],
    ],
    figures,
    failures: revocationShortfalls(revocations, found, bar),
  }
}
