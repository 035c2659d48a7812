import { describe, expect, it } from 'vitest'
import { parseAdmissionReview } from '../../src/webhook/admission-review.ts'
import { excludedNamespaces, reasonToSkip } from '../../src/webhook/should-inject.ts'
import { podOf, reviewOf } from '../builders/admission-review.ts'

const excluded = excludedNamespaces('signet-system')
const reasonFor = (request: Readonly<Record<string, unknown>>) =>
  reasonToSkip(parseAdmissionReview(Buffer.from(JSON.stringify(reviewOf(request)))), excluded)

describe('reasonToSkip', () => {
  it('finds none for a labelled pod that is created', () => {
    expect(reasonFor({})).toBeUndefined()
    expect(reasonFor({ subResource: '' })).toBeUndefined()
  })

  const pods: readonly [string, string, Readonly<Record<string, unknown>>][] = [
    ['an update', 'operation', { operation: 'UPDATE' }],
    ['a deletion', 'operation', { operation: 'DELETE', object: null }],
    ['a connection', 'operation', { operation: 'CONNECT' }],
    ['a subresource', 'subresource', { subResource: 'ephemeralcontainers' }],
    ['another kind', 'kind', { kind: { group: '', version: 'v1', kind: 'Binding' } }],
    ['a pod of another group', 'kind', { kind: { group: 'metrics.k8s.io', version: 'v1', kind: 'Pod' } }],
    ['a pod of another version', 'kind', { kind: { group: '', version: 'v2', kind: 'Pod' } }],
    ['a pod without labels', 'label', { object: podOf({ metadata: { labels: null } }) }],
    ['a pod that says no', 'label', { object: podOf({ metadata: { labels: { 'signet.dev/inject': 'false' } } }) }],
    [
      'a pod whose label is no text',
      'label',
      { object: podOf({ metadata: { labels: { 'signet.dev/inject': true } } }) },
    ],
    [
      'a mirror pod',
      'mirror',
      { object: podOf({ metadata: { annotations: { 'kubernetes.io/config.mirror': 'c0ffee' } } }) },
    ],
    ['a pod of the cluster itself', 'namespace', { namespace: 'kube-system' }],
    ['a pod of the nodes', 'namespace', { namespace: 'kube-node-lease' }],
    ['a pod of all', 'namespace', { namespace: 'kube-public' }],
    ["a pod of the operator's", 'namespace', { namespace: 'signet-system' }],
    ['a pod without a spec', 'spec', { object: { metadata: podOf().metadata } }],
    ['a pod whose spec is null', 'spec', { object: { ...podOf(), spec: null } }],
    ['a pod whose spec is a list', 'spec', { object: { ...podOf(), spec: [] } }],
    ['no object', 'label', { object: null }],
  ]
  for (const [name, reason, request] of pods) {
    it(`leaves ${name} alone`, () => expect(reasonFor(request)).toBe(reason))
  }

  it('takes inherited names for no labels', () => {
    const object: unknown = JSON.parse('{"metadata":{"__proto__":{"labels":{"signet.dev/inject":"true"}}},"spec":{}}')
    expect(reasonFor({ object })).toBe('label')
  })
})
