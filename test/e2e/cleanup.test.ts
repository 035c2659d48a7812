import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namespace as operatorNamespace, installChart } from '../../scripts/install.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { AuthorityClient } from './authority.ts'
import { type Pod, TestCluster } from './cluster.ts'
import { identity, pod, serviceAccount } from './manifests.ts'
import { values } from './values.ts'

const namespace = 'e2e-cleanup'
const orphaned = 'e2e-orphaned'
const names = ['stays', 'goes']

let test: TestCluster

beforeAll(async () => {
  test = await TestCluster.of()
  for (const name of [namespace, orphaned]) await test.namespace(name)
  await test.apply(
    ...names.map((name) => identity(name, namespace)),
    identity('left', orphaned),
    serviceAccount('stays', namespace),
    pod({ name: 'stays', namespace }),
  )
  await test.identitiesReady(namespace)
  await test.ready(namespace, 'stays')
})

afterAll(() => test.leave(namespace))

const exists = async (...what: string[]) =>
  (await test.kubectl('get', ...what, '--ignore-not-found', '-o', 'name')) !== ''
const keyIDs = async (name: string) =>
  ((await test.json<ServiceIdentity>('-n', namespace, 'get', 'sid', name)).status?.keys ?? []).map(({ keyID }) => keyID)
const tokenID = async (name: string) => {
  const secret = await test.json<Secret>('-n', namespace, 'get', 'secret', `signet.${name}`)
  return decodeJwt(secretText(secret, 'token') ?? '').jti
}

describe('I3: the logs of every process that ever ran here', () => {
  it('hold no token and no private key', async () => {
    const { items } = await test.json<{ items: Pod[] }>('get', 'pods', '-A')
    let lines = 0
    for (const { metadata, status } of items) {
      const logs = ['-n', metadata.namespace ?? '', 'logs', metadata.name, '--all-containers']
      const restarted = status.containerStatuses?.some(({ restartCount }) => restartCount > 0) ?? false
      const texts = [await test.kubectl(...logs), restarted ? await test.kubectl(...logs, '--previous') : '']
      for (const text of texts) {
        lines += text.split('\n').length
        expect(text, metadata.name).not.toMatch(/eyJ[A-Za-z0-9_-]{4}/)
        expect(text, metadata.name).not.toContain('PRIVATE KEY')
        expect(text, metadata.name).not.toMatch(/"d" ?:/)
      }
    }
    expect(items.length).toBeGreaterThan(6)
    expect(lines).toBeGreaterThan(20)
  })
})

describe('an identity that is deleted', () => {
  it('takes its Secret, its ring and its public keys along within ten seconds, and its key leaves every key set', async () => {
    const [kid] = await keyIDs('goes')
    const replicas = await AuthorityClient.ofReplicas(test)
    const published = async () =>
      (await Promise.all(replicas.map((replica) => replica.jwks()))).flat().map((key) => key.kid)
    expect((await published()).filter((one) => one === kid)).toHaveLength(replicas.length)
    await test.kubectl('-n', namespace, 'delete', 'sid', 'goes')
    const deleted = performance.now()
    const took: string[] = []
    const goes = (what: string, isThere: () => Promise<boolean>) =>
      test
        .eventually(`${what} to go`, async () => !(await isThere()), 10_000)
        .then(() => took.push(`${what} ${Math.round(performance.now() - deleted)} ms`))
    await Promise.all([
      goes('Secret', () => exists('-n', namespace, 'secret', 'signet.goes')),
      goes('ring', () => exists('-n', operatorNamespace, 'secret', `signet-keys.${namespace}.goes`)),
      goes('public keys', () => exists('-n', operatorNamespace, 'configmap', `signet-jwks.${namespace}.goes`)),
      goes('served key', async () => (await published()).includes(kid ?? '')),
    ])
    console.log(`gone after the deletion of an identity: ${took.join(', ')}`)
  })
})

describe('helm uninstall', () => {
  let before: string | undefined

  beforeAll(async () => {
    before = await tokenID('stays')
    await test.helm('uninstall', 'signet', '--namespace', operatorNamespace, '--wait', '--timeout', '2m')
  })

  it('keeps the definition and the identities, and takes everything else', async () => {
    expect(await exists('crd', 'serviceidentities.signet.dev')).toBe(true)
    expect(await exists('-n', namespace, 'sid', 'stays')).toBe(true)
    const left = ['deployments,services,serviceaccounts,roles,rolebindings', '-n', operatorNamespace]
    const ofRelease = ['-l', 'app.kubernetes.io/instance=signet']
    expect(await exists(...left, ...ofRelease)).toBe(false)
    const clusterWide =
      'mutatingwebhookconfigurations,validatingwebhookconfigurations,validatingadmissionpolicies,' +
      'validatingadmissionpolicybindings,clusterroles,clusterrolebindings'
    expect(await exists(clusterWide, ...ofRelease)).toBe(false)
  })

  it('leaves the mounted token where it is', async () => {
    expect(decodeJwt(await test.mounted(namespace, 'stays')).jti).toBe(before)
  })

  it('leaves no finalizer behind: identities and their namespaces can be deleted without Signet', async () => {
    const all = await test.json<{ items: KubeObject[] }>('get', 'sid,secrets,configmaps', '-A')
    expect(all.items.filter(({ metadata }) => 'finalizers' in metadata)).toEqual([])
    await test.kubectl('delete', 'namespace', orphaned, '--timeout=60s')
  })

  it('can be undone: tokens that are out are kept, and what was deleted meanwhile is swept', async () => {
    expect(await exists('-n', operatorNamespace, 'secret', `signet-keys.${orphaned}.left`)).toBe(true)
    await installChart(test.cluster, values)
    await test.apply(identity('new', namespace))
    await test.identitiesReady(namespace)
    expect(await tokenID('stays')).toBe(before)
    await test.eventually('the ring of the deleted identity to be swept', async () => {
      const ring = ['secret', `signet-keys.${orphaned}.left`]
      const keys = ['configmap', `signet-jwks.${orphaned}.left`]
      return !(await exists('-n', operatorNamespace, ...ring)) && !(await exists('-n', operatorNamespace, ...keys))
    })
    const kids = (await (await AuthorityClient.ofService(test)).jwks()).map((key) => key.kid)
    expect(kids).toEqual(expect.arrayContaining([...(await keyIDs('stays')), ...(await keyIDs('new'))]))
  })
})
