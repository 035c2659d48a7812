import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServiceIdentity, TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { ControllerProcess } from './controller-process.ts'
import { Kubectl } from './kubectl.ts'
import { PluginProcess } from './plugin-process.ts'

let plane: ControlPlane
let kubectl: Kubectl
let controller: ControllerProcess
let plugin: PluginProcess
let editor: string

const status = async (name = 'orders') =>
  (await kubectl.json<ServiceIdentity>(['get', 'sid', name, '-n', 'shop'])).status
const activeKey = async () => (await status())?.keys?.find(({ state }) => state === 'Active')?.keyID ?? ''
const tokenID = async () => (await status())?.tokens?.[0]?.tokenID ?? ''
const secret = (name: string) => kubectl.json<Secret>(['get', 'secret', `signet.${name}`, '-n', 'shop'])
const mounted = async () => Buffer.from((await secret('orders')).data?.['token'] ?? '', 'base64').toString()
const revocations = async () =>
  (await kubectl.json<{ items: TokenRevocation[] }>(['get', 'trv', '-n', 'shop'])).items.map(({ spec }) => spec)
/** As a user who may edit the namespace and nothing else. */
const signet = (...args: string[]) => plugin.signet([...args, '-n', 'shop'], { kubeconfig: editor })

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const names = [operatorNamespace, 'shop']
  await kubectl.apply(names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  for (const role of ['signet-view', 'signet-edit']) {
    await kubectl.run(['create', 'rolebinding', role, `--clusterrole=${role}`, '--user=ed', '-n', 'shop'])
  }
  editor = await plane.kubeconfigFor('ed')
  const resource = {
    apiVersion: 'signet.dev/v1alpha1',
    kind: 'ServiceIdentity',
    spec: { tokens: [{ name: 'payments' }] },
  }
  await kubectl.apply(['orders', 'ledger'].map((name) => ({ ...resource, metadata: { name, namespace: 'shop' } })))
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

describe('kubectl signet, revoking on a real API server with the controller', () => {
  it('refuses to revoke unasked, and nothing is revoked', async () => {
    expect(await signet('revoke-key', 'orders')).toMatchObject({ code: 2, stdout: '' })
    expect(await revocations()).toEqual([])
  })

  it('revokes the key that signs, and comes back when a fresh one does; another identity is untouched', async () => {
    const [key, token, bystander] = [await activeKey(), await mounted(), await secret('ledger')]
    const { code, stdout, stderr } = await signet('revoke-key', 'orders', '--reason', 'leaked in a backup', '--yes')
    expect([code, stderr]).toEqual([0, ''])
    const fresh = await activeKey()
    expect(fresh).not.toBe(key)
    expect(stdout).toMatch(
      new RegExp(
        `^key ${key} of shop/orders revoked in \\d+\\.\\d s: key ${fresh} signs, 1 token is minted again$`,
        'm',
      ),
    )
    expect(await mounted()).not.toBe(token)
    expect(await revocations()).toEqual([{ identity: 'orders', keyID: key, reason: 'leaked in a backup' }])
    expect(await secret('ledger')).toEqual(bystander)
    expect((await signet('revoke-key', 'orders', key, '--yes')).stderr).toContain('is already revoked')
  })

  it('revokes the mounted token by its ID, by itself, and by when it was issued', async () => {
    const file = join(plane.directory, 'leaked.jwt')
    const first = await tokenID()
    expect(await signet('revoke-token', 'orders', '--token-id', first, '--yes')).toMatchObject({ code: 0, stderr: '' })
    const second = await tokenID()
    await writeFile(file, await mounted())
    expect(await signet('revoke-token', 'orders', '--token', file, '--yes')).toMatchObject({ code: 0, stderr: '' })
    const third = await tokenID()
    // Only what was issued in an earlier second was issued before now.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await signet('revoke-token', 'orders', '--issued-before', 'now', '--yes')).toMatchObject({ code: 0 })
    expect(new Set([first, second, third, await tokenID()]).size).toBe(4)
    const specs = await revocations()
    expect(specs).toContainEqual({ identity: 'orders', tokenID: first })
    expect(specs).toContainEqual({ identity: 'orders', tokenID: second })
  })

  it('shows the revocations of the identity', async () => {
    const { stdout } = await signet('show', 'orders')
    expect(stdout).toMatch(/^orders-\w+ +key [\w-]{43} +True +leaked in a backup/m)
    expect((await signet('show', 'ledger')).stdout).not.toContain('Revocations')
  })
})
