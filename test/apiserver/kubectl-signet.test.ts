import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { ControllerProcess } from './controller-process.ts'
import { Kubectl } from './kubectl.ts'
import { PluginProcess } from './plugin-process.ts'

let plane: ControlPlane
let kubectl: Kubectl
let controller: ControllerProcess
let plugin: PluginProcess

const identity = (name: string) => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name, namespace: 'shop' },
  spec: { tokens: [{ name: 'payments' }], signingKey: { publishAhead: '30m' } },
})
const stored = (name: string) => kubectl.json<ServiceIdentity>(['get', 'sid', name, '-n', 'shop'])
const keysOf = async (name: string) => (await stored(name)).status?.keys ?? []

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const names = [operatorNamespace, 'shop', 'empty']
  await kubectl.apply(names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  await kubectl.apply((await renderChart()).filter(({ kind }) => kind === 'CustomResourceDefinition'))
  await kubectl.run(['wait', '--for=condition=Established', 'crd/serviceidentities.signet.dev', '--timeout=120s'])
  await kubectl.apply([identity('orders'), identity('ledger')])
  controller = await ControllerProcess.start(plane.kubeconfig)
  for (const name of ['orders', 'ledger']) {
    await kubectl.run(['wait', `sid/${name}`, '-n', 'shop', '--for=condition=Ready', '--timeout=120s'])
  }
  plugin = await PluginProcess.install(plane.directory, plane.kubeconfig)
}, buildTimeout)

afterAll(async () => {
  await controller.stop()
  await plane.stop()
})

describe('kubectl signet on a real API server', () => {
  it('is found by kubectl, and lists what the controller has made', async () => {
    const { code, stdout, stderr } = await plugin.signet(['list', '-n', 'shop'])
    expect([code, stderr]).toEqual([0, ''])
    const rows = stdout.trimEnd().split('\n')
    expect(rows).toHaveLength(3)
    // Of an hour, some minutes may have passed by now.
    expect(rows[1]).toMatch(/^ledger +True +ES256 +1 +in (2[1-3])h +1 +in (5\d|60)m/)
  })

  it('lists all namespaces, as JSON too', async () => {
    expect((await plugin.signet(['list', '-A', '-o', 'wide'])).stdout).toMatch(/^shop +orders .* Issued /m)
    const { items } = JSON.parse((await plugin.signet(['list', '-A', '-o', 'json'])).stdout) as {
      items: ServiceIdentity[]
    }
    expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(['ledger', 'orders'])
  })

  it('finds nothing in an empty namespace, as kubectl get does', async () => {
    expect(await plugin.signet(['list', '-n', 'empty'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No identities found in namespace empty.\n',
    })
  })

  it('shows the very keys and tokens of the status', async () => {
    const { status } = await stored('orders')
    const { code, stdout } = await plugin.signet(['show', 'orders', '-n', 'shop', '-o', 'wide'])
    expect(code).toBe(0)
    for (const text of [status?.subject, status?.keys?.[0]?.keyID, status?.tokens?.[0]?.tokenID]) {
      expect(stdout).toContain(text)
    }
    expect(stdout).toContain(`${status?.tokens?.[0]?.issuedAt}`)
  })

  it('asks for a key that is then published, while the old one goes on signing', async () => {
    const [before] = await keysOf('orders')
    const { code, stdout } = await plugin.signet(['rotate-key', 'orders', '-n', 'shop'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^serviceidentity shop\/orders: new key requested; it signs in (29|30)m/)
    await waitFor({
      what: 'a second key to be published',
      limitMs: 15_000,
      everyMs: 100,
      until: async () =>
        (await keysOf('orders')).some(({ publishedAt, state }) => publishedAt && state === 'Published'),
    })
    expect(await keysOf('orders')).toMatchObject([{ keyID: before?.keyID, state: 'Active' }, { state: 'Published' }])
  })

  it('decodes the mounted token without showing any part of it', async () => {
    const { data } = await kubectl.json<Secret>(['get', 'secret', 'signet.orders', '-n', 'shop'])
    const token = Buffer.from(data?.['token'] ?? '', 'base64').toString()
    const outputs = [
      await plugin.signet(['decode', '--identity', 'orders', '-n', 'shop']),
      await plugin.signet(['decode'], { input: token }),
    ]
    for (const { code, stdout, stderr } of outputs) {
      expect(code).toBe(0)
      expect(stdout).toContain('spiffe://cluster.local/ns/shop/sa/orders')
      for (const part of token.split('.')) expect(stdout + stderr).not.toContain(part)
    }
  })

  it('names the identity that may have been meant', async () => {
    const { code, stderr } = await plugin.signet(['show', 'oders', '-n', 'shop'])
    expect([code, stderr]).toEqual([
      1,
      'kubectl signet: no ServiceIdentity oders in namespace shop; did you mean orders?\n',
    ])
  })

  it('names what a user may not do', async () => {
    const kubeconfig = await plane.kubeconfigFor('nobody-special')
    const { code, stderr } = await plugin.signet(['list', '-n', 'shop'], { kubeconfig })
    expect(code).toBe(1)
    expect(stderr).toContain('cannot list serviceidentities shop: 403 Forbidden')
    expect(stderr).toContain('nobody-special')
    expect(stderr).toContain('kubectl auth can-i --list')
  })

  it('names the server that does not answer', async () => {
    const kubeconfig = join(plane.directory, 'elsewhere.kubeconfig')
    const cluster = { server: 'https://127.0.0.1:1' }
    const context = { cluster: 'c', user: 'u' }
    await writeFile(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context }],
        'current-context': 'x',
      }),
    )
    const { code, stderr } = await plugin.signet(['list'], { kubeconfig })
    expect(code).toBe(1)
    expect(stderr).toContain('ECONNREFUSED; check that the cluster at https://127.0.0.1:1 is running')
  })

  it('says that nothing was revoked where TokenRevocations are not installed', async () => {
    await kubectl.run(['delete', 'crd', 'tokenrevocations.signet.dev', '--ignore-not-found', '--timeout=120s'])
    const { code, stderr } = await plugin.signet(['revoke-key', 'orders', '-n', 'shop', '--yes'])
    expect(code).toBe(1)
    expect(stderr).toContain(
      'does not serve TokenRevocations, so nothing was revoked for shop/orders: upgrade Signet there',
    )
  })

  it('says what is missing where ServiceIdentities are not installed', async () => {
    await kubectl.run(['delete', 'crd', 'serviceidentities.signet.dev', '--timeout=120s'])
    for (const args of [['list'], ['show', 'orders']]) {
      const { code, stderr } = await plugin.signet([...args, '-n', 'shop'])
      expect([code, stderr]).toEqual([
        1,
        `kubectl signet: the cluster at ${plane.url} does not serve ServiceIdentities: install Signet there, or use another --context\n`,
      ])
    }
  })
})
