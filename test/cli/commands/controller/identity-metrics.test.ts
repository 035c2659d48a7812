import { describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../../src/api/v1alpha1/types.ts'
import { IdentityMetrics } from '../../../../src/cli/commands/controller/identity-metrics.ts'
import type { KubeObject } from '../../../../src/kube/client/object.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'

const time = '2026-06-01T00:00:00Z'
const identity = (name: string, ready: boolean, states: readonly ('Active' | 'Retired')[], expiresAt?: string) =>
  ({
    apiVersion: 'signet.dev/v1alpha1',
    kind: 'ServiceIdentity',
    metadata: { name, namespace: 'shop' },
    spec: {},
    status: {
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', reason: 'Issued', message: '', lastTransitionTime: time },
      ],
      keys: states.map((state, index) => ({ keyID: `${name}-${index}`, algorithm: 'ES256' as const, state })),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  }) satisfies ServiceIdentity & KubeObject

const lines = async (identityMetrics: IdentityMetrics): Promise<string[]> => {
  const metrics = createMetrics()
  identityMetrics.collect(metrics)
  return (await metrics.render()).split('\n').filter((line) => /^signet_(identities|keys|next_token)/.test(line))
}

describe('the metrics of identities', () => {
  it('follow what the statuses say, and forget what is deleted', async () => {
    const identityMetrics = new IdentityMetrics()
    identityMetrics.observe({ type: 'added', object: identity('a', false, []) })
    identityMetrics.observe({
      type: 'updated',
      object: identity('a', true, ['Retired', 'Active'], '2026-06-01T02:00:00Z'),
    })
    identityMetrics.observe({ type: 'added', object: identity('b', true, ['Active'], '2026-06-01T01:00:00Z') })
    expect(await lines(identityMetrics)).toEqual([
      'signet_identities{ready="true"} 2',
      'signet_identities{ready="false"} 0',
      'signet_keys{state="Published"} 0',
      'signet_keys{state="Active"} 2',
      'signet_keys{state="Retired"} 1',
      'signet_keys{state="Revoked"} 0',
      `signet_next_token_expiry_timestamp_seconds ${Date.parse('2026-06-01T01:00:00Z') / 1000}`,
    ])
    identityMetrics.observe({ type: 'deleted', object: identity('b', true, ['Active']) })
    expect(await lines(identityMetrics)).toEqual(
      expect.arrayContaining([
        'signet_identities{ready="true"} 1',
        `signet_next_token_expiry_timestamp_seconds ${Date.parse('2026-06-01T02:00:00Z') / 1000}`,
      ]),
    )
  })

  it('know of no expiry where no token is issued', async () => {
    expect(await lines(new IdentityMetrics())).toContain('signet_next_token_expiry_timestamp_seconds 0')
  })
})
