import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, operatorNamespace } from '../chart/helm.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { dryRun, pod, projected, startEnforced } from './enforced-policies.ts'
import type { Kubectl } from './kubectl.ts'

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startEnforced())
}, buildTimeout)

afterAll(() => stop())

describe('a labelled pod', () => {
  const labels = { 'signet.dev/inject': 'true' }
  const complete = { volumes: [projected('signet.orders', 'signet')] }

  it('is admitted with the volume of its identity', async () => {
    await kubectl.run(dryRun, { input: pod(complete, { labels }) })
  })

  it.each<[string, object]>([
    ['without any volume', {}],
    ['with the volume under another name', { volumes: [projected('signet.orders', 'other')] }],
    ['with another volume of that name', { volumes: [{ name: 'signet', emptyDir: {} }] }],
    [
      'with a volume of that name and no Secret',
      { volumes: [{ name: 'signet', projected: { sources: [{ configMap: { name: 'c' } }] } }] },
    ],
    ['with a volume of that name and another Secret', { volumes: [projected('tokens', 'signet')] }],
  ])('is refused %s', async (_, spec) => {
    const error = await kubectl.refused(dryRun, { input: pod(spec, { labels }) })
    expect(error).toContain("ValidatingAdmissionPolicy 'signet-injected'")
    expect(error).toContain(
      'the pod is labelled signet.dev/inject=true but lacks the projected volume signet with Secret signet.orders; create the pod again',
    )
  })

  it.each(['kube-system', operatorNamespace, 'off'])(
    'is left alone in %s, where the webhook does not act',
    async (where) => {
      await kubectl.run(dryRun, { input: pod({}, { labels, namespace: where }) })
    },
  )

  it('is no concern where the label says anything but true', async () => {
    await kubectl.run(dryRun, { input: pod({}, { labels: { 'signet.dev/inject': 'false' } }) })
  })
})

describe('the policies', () => {
  it('have no type error that the API server knows of', async () => {
    interface Policy {
      metadata: { name: string; generation: number }
      status?: { observedGeneration?: number; typeChecking?: unknown }
    }
    const read = async () => (await kubectl.json<{ items: Policy[] }>(['get', 'validatingadmissionpolicies'])).items
    await waitFor({
      what: 'every policy to be checked',
      limitMs: 30_000,
      until: async () =>
        (await read()).every(({ metadata, status }) => status?.observedGeneration === metadata.generation),
    })
    const policies = await read()
    expect(policies).toHaveLength(7)
    for (const { metadata, status } of policies) {
      expect({ name: metadata.name, warnings: status?.typeChecking }).toEqual({ name: metadata.name, warnings: {} })
    }
  })
})
