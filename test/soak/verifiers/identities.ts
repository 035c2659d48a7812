import { ConditionType, isConditionTrue } from '../../../src/api/v1alpha1/conditions.ts'
import type { ServiceIdentity } from '../../../src/api/v1alpha1/types.ts'
import { type Algorithm, algorithms } from '../../../src/keys/algorithm.ts'
import type { Kubectl } from '../../apiserver/kubectl.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'
import { identity } from '../../e2e/manifests.ts'
import { audience } from './exhibits.ts'

export const namespace = 'soak-verifiers'
export const publishAheadSeconds = 30

/** Of every algorithm one, and more of the default. */
const steady: Readonly<Record<string, Algorithm>> = {
  ...Object.fromEntries(algorithms.map((algorithm) => [`steady-${algorithm.toLowerCase()}`, algorithm])),
  ...Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`steady-${index}`, 'ES256' as const])),
}
export const steadyIdentities = Object.keys(steady)
/** Gets another algorithm each minute and stays the same identity. */
export const changingIdentity = 'changing'
/** Is deleted on the way, which revokes its keys. */
export const deletedIdentity = 'deleted'

/** Applies all of them; resolves once each is Ready. */
export async function applyIdentities(kubectl: Kubectl): Promise<void> {
  const spec = (algorithm: Algorithm) => ({
    tokens: [{ name: 'soak', audience, lifetime: '5m' }],
    signingKey: { algorithm, rotationPeriod: '1m', publishAhead: `${publishAheadSeconds}s` },
  })
  const all: typeof steady = { ...steady, [changingIdentity]: 'ES256', [deletedIdentity]: 'ES256' }
  await kubectl.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...Object.entries(all).map(([name, algorithm]) => identity(name, namespace, spec(algorithm))),
  ])
  await waitFor({
    what: 'the identities to be Ready',
    limitMs: 60_000,
    until: async () => {
      const { items } = await kubectl.json<{ items: ServiceIdentity[] }>(['get', 'sid', '-n', namespace])
      return items.every(({ status }) => isConditionTrue(status?.conditions, ConditionType.Ready))
    },
  })
}

/** Each number has an algorithm that the next one has not. */
export async function changeAlgorithm(kubectl: Kubectl, number: number): Promise<void> {
  const algorithm = algorithms[number % algorithms.length]
  const patch = JSON.stringify({ spec: { signingKey: { algorithm } } })
  await kubectl.run(['patch', 'sid', changingIdentity, '-n', namespace, '--type=merge', '-p', patch])
}

export async function deleteIdentity(kubectl: Kubectl): Promise<void> {
  await kubectl.run(['delete', 'sid', deletedIdentity, '-n', namespace])
}
