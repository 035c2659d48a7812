import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IssuerScope, issuerScopes } from '../../src/identity/issuer.ts'
import { type InjectionContext, injectPod, variablesFor } from '../../src/webhook/inject-pod.ts'
import { anyPod, type Container, peacefulPod, type Pod } from '../builders/arbitrary-pods.ts'
import { patched } from '../builders/json-patch.ts'

const issuer = 'https://signet-authority.signet-system.svc'
const context: InjectionContext = { issuer, issuerScope: 'cluster', namespace: 'shop' }
const ourVariables = variablesFor(issuer)
const ourMount = { name: 'signet', mountPath: '/var/run/secrets/signet.dev', readOnly: true }

/** The pod after an injection; undefined if it is denied. */
function injected(pod: Pod, issuerScope: IssuerScope = 'cluster'): Pod | undefined {
  const result = injectPod(pod, { ...context, issuerScope })
  return 'denied' in result ? undefined : patched(pod, result.patch)
}

function ourVolume({ spec }: Pod) {
  const secret = `signet.${spec.serviceAccountName || 'default'}`
  return { name: 'signet', projected: { sources: [{ secret: { name: secret } }], defaultMode: 0o444 } }
}

function isSkipped(pod: Pod, { name = '' }: Container): boolean {
  const annotations = pod.metadata.annotations ?? {}
  const list = Object.entries(annotations).find(([key]) => key === 'signet.dev/skip-containers')?.[1]
  return list?.split(',').some((entry) => entry.trim() === name) ?? false
}

const annotationsOf = ({ metadata }: Pod) => Object.entries(metadata.annotations ?? {})
const isOurs = ([key]: readonly [string, string]) => key === 'signet.dev/injected'
const without = (value: object, ...keys: readonly string[]) =>
  Object.entries(value).filter(([key]) => !keys.includes(key))

/** What a container may become: missing variables in front, and the mount replaced or appended. */
function expectOnlyOurs(before: Container, after: Container): void {
  expect(without(after, 'env', 'volumeMounts')).toEqual(without(before, 'env', 'volumeMounts'))
  const present = before.env ?? []
  const missing = ourVariables.filter(({ name }) => !present.some((variable) => variable.name === name))
  expect(after.env ?? []).toEqual([...missing, ...present])
  const mounts = before.volumeMounts ?? []
  const kept = (after.volumeMounts ?? []).slice(0, mounts.length)
  const added = (after.volumeMounts ?? []).slice(mounts.length)
  for (const [index, mount] of mounts.entries()) {
    // Only a mount of our own volume is ever touched.
    if (mount.name !== 'signet') expect(kept[index]).toEqual(mount)
    else expect([mount, ourMount]).toContainEqual(kept[index])
  }
  expect(added.length === 0 || (added.length === 1 && kept.every((mount) => !isDeepEqual(mount, ourMount)))).toBe(true)
  expect(after.volumeMounts).toContainEqual(ourMount)
}

const isDeepEqual = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Another webhook that adds a sidecar, and a volume, variable and mount to every container. */
function meshed(pod: Pod): Pod {
  if ((pod.spec.volumes ?? []).some(({ name }) => name === 'mesh')) return pod
  const withMesh = (container: Container): Container => ({
    ...container,
    env: [...(container.env ?? []), { name: 'MESH', value: 'on' }],
    volumeMounts: [...(container.volumeMounts ?? []), { name: 'mesh', mountPath: '/etc/mesh' }],
  })
  return {
    ...pod,
    spec: {
      ...pod.spec,
      volumes: [{ name: 'mesh' }, ...(pod.spec.volumes ?? [])],
      containers: [{ name: 'mesh-proxy' }, ...(pod.spec.containers ?? []).map(withMesh)],
    },
  }
}

/** The pod as a set of facts: neither volumes nor mounts mean anything by their order. */
function unordered(pod: Pod | undefined): unknown {
  const sorted = (list: readonly unknown[] | null | undefined) =>
    (list ?? []).map((item) => JSON.stringify(item)).sort()
  const facts = (container: Container) => ({
    ...container,
    env: container.env,
    volumeMounts: sorted(container.volumeMounts),
  })
  return (
    pod && {
      ...pod,
      spec: {
        ...pod.spec,
        volumes: sorted(pod.spec.volumes),
        initContainers: (pod.spec.initContainers ?? []).map(facts),
        containers: (pod.spec.containers ?? []).map(facts),
      },
    }
  )
}

describe('injectPod, for 10,000 pods', () => {
  it("adds or replaces only Signet's parts", () => {
    fc.assert(
      fc.property(anyPod, (pod) => {
        const after = injected(pod)
        fc.pre(after !== undefined)
        expect(without(after, 'metadata', 'spec')).toEqual(without(pod, 'metadata', 'spec'))
        expect(without(after.metadata, 'annotations')).toEqual(without(pod.metadata, 'annotations'))
        expect(annotationsOf(after).filter((entry) => !isOurs(entry))).toEqual(
          annotationsOf(pod).filter((entry) => !isOurs(entry)),
        )
        const lists = ['volumes', 'initContainers', 'containers'] as const
        expect(without(after.spec, ...lists)).toEqual(without(pod.spec, ...lists))
        expect((after.spec.volumes ?? []).filter(({ name }) => name !== 'signet')).toEqual(
          (pod.spec.volumes ?? []).filter(({ name }) => name !== 'signet'),
        )
        for (const list of ['initContainers', 'containers'] as const) {
          const containers = pod.spec[list] ?? []
          expect(after.spec[list] ?? []).toHaveLength(containers.length)
          for (const [index, container] of containers.entries()) {
            const result = after.spec[list]?.[index] ?? {}
            if (isSkipped(pod, container)) expect(result).toEqual(container)
            else expectOnlyOurs(container, result)
          }
        }
      }),
      { numRuns: 4000 },
    )
  })

  it('leaves nothing to do for a second round, and says the same again', () => {
    fc.assert(
      fc.property(anyPod, (pod) => {
        const first = injectPod(pod, context)
        fc.pre(!('denied' in first))
        const second = injectPod(patched(pod, first.patch), context)
        expect(second).toEqual({ patch: [], warnings: first.warnings })
      }),
      { numRuns: 3000 },
    )
  })

  it.each(issuerScopes)(
    'has the issuer of its last account in the scope %s, whichever it had before',
    (issuerScope) => {
      fc.assert(
        fc.property(peacefulPod, fc.constantFrom('orders', 'default', 'a.b'), (pod, account) => {
          const first = injected(pod, issuerScope)
          fc.pre(first !== undefined)
          const moved = { ...first, spec: { ...first.spec, serviceAccountName: account } }
          const direct = injected({ ...pod, spec: { ...pod.spec, serviceAccountName: account } }, issuerScope)
          expect(injected(moved, issuerScope)).toEqual(direct)
        }),
        { numRuns: 500 },
      )
    },
  )

  it('I9: comes to the same pod before and after another injector', () => {
    fc.assert(
      fc.property(peacefulPod, (pod) => {
        const first = injected(pod)
        const oursTheirsOurs = first && injected(meshed(first))
        expect(oursTheirsOurs).toBeDefined()
        expect(unordered(oursTheirsOurs)).toEqual(unordered(injected(meshed(pod))))
      }),
      { numRuns: 1500 },
    )
  })

  it('I9: either denies or leaves the pod with its volume and every container with its mount', () => {
    let denied = 0
    fc.assert(
      fc.property(anyPod, (pod) => {
        const before = JSON.stringify(pod)
        const after = injected(pod)
        expect(JSON.stringify(pod)).toBe(before)
        if (after === undefined) {
          denied += 1
          return
        }
        expect(after.spec.volumes?.find(({ name }) => name === 'signet')).toEqual(ourVolume(pod))
        expect(annotationsOf(after).find(isOurs)?.[1]).toBe(pod.spec.serviceAccountName || 'default')
        for (const container of [...(after.spec.initContainers ?? []), ...(after.spec.containers ?? [])]) {
          if (!isSkipped(pod, container)) expect(container.volumeMounts).toContainEqual(ourMount)
        }
      }),
      { numRuns: 1500 },
    )
    expect(denied, 'the pods of this test exercise both answers').toBeGreaterThan(100)
  })
})
