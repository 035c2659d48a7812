import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { sealKeyRing } from '../../src/keys/key-ring/seal.ts'
import type { SealedKeyRing } from '../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing, encodeKeyRing } from '../../src/keys/key-ring/codec.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { ConfigMap } from '../../src/kube/keys/config-map-public-key-store.ts'
import { type Secret, secretText, secretValue } from '../../src/kube/secrets/secret-codec.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { ControllerProcess } from './controller-process.ts'
import { accountUser, Kubectl } from './kubectl.ts'

let plane: ControlPlane
let kubectl: Kubectl
let kubeconfig: string
let controller: ControllerProcess
let directory: string
const started: ControllerProcess[] = []

const account = accountUser(operatorNamespace, 'signet-controller')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]
const names = ['orders', 'payments', 'ledger']

const start = async (flags: readonly string[] = []): Promise<ControllerProcess> => {
  const process = await ControllerProcess.start(kubeconfig, flags)
  started.push(process)
  return process
}
const own = <T>(kind: string, name: string) => kubectl.json<T>(['get', kind, name, '-n', operatorNamespace])
const ringName = (name: string) => `signet-keys.shop.${name}`
const status = async (name: string) => (await kubectl.json<ServiceIdentity>(['get', 'sid', name, '-n', 'shop'])).status
const condition = async (name: string, type = 'KeysReady') =>
  (await status(name))?.conditions?.find((found) => found.type === type)
const eventually = (what: string, until: () => Promise<boolean>, limitMs = 60_000) =>
  waitFor({ what, limitMs, everyMs: 50, until })
const ready = (name: string) =>
  eventually(`${name} to be Ready`, async () => (await condition(name, 'Ready'))?.status === 'True')
const ringText = async (name: string) => secretText(await own<Secret>('secret', ringName(name)), 'ring.json') ?? ''
const jwks = async (name: string) =>
  (await own<ConfigMap>('configmap', `signet-jwks.shop.${name}`)).data?.['jwks.json'] ?? ''
const ringNames = async () => kubectl.run(['get', 'secrets', '-n', operatorNamespace, '-o', 'name'])
const deleteRing = (name: string) => kubectl.run(['delete', 'secret', ringName(name), '-n', operatorNamespace])
const restored = (name: string, kid: string) =>
  eventually(
    `the ring of ${name} to be restored`,
    async () =>
      (await ringNames()).includes(`${ringName(name)}\n`) && (await ringText(name)).includes(`"keyID":"${kid}"`),
    10_000,
  )

/** How often rings were restored for this reason so far. */
const restores = async (reason: string) =>
  (await controller.metric('signet_key_rings_restored_total', `{reason="${reason}"}`)) || 0
/** One rendering of the metrics is served for a while. */
const counted = (reason: string, before: number) =>
  eventually(`one restore to be counted as ${reason}`, async () => (await restores(reason)) === before + 1, 10_000)

/** Puts a ring there that another hand made: right in every way, but with a key of its own. Gives that key's ID. */
async function replaceRing(name: string): Promise<string> {
  const { uid, subject, slots }: SealedKeyRing = decodeKeyRing(await ringText(name))
  const { keyID, publicJwk, privateJwk } = await generateSigningKey('ES256', subject)
  const known = slots.map((found) => {
    const { privateJwk: _unknown, ...rest } = found
    return { ...rest, state: 'Retired' as const }
  })
  const times = { publishedAt: 1, activeAt: 1, longestUse: 1 }
  const active = { keyID, algorithm: 'ES256', publicJwk, privateJwk, state: 'Active', ...times } as const
  const ring = await sealKeyRing({ uid, subject, slots: [...known, active] }, undefined)
  // Later than any: older rings are refused for that alone.
  const later = await sealKeyRing(ring, { ...ring, seal: { ...ring.seal, sequence: 1000 } })
  const patch = JSON.stringify({ data: { 'ring.json': secretValue(encodeKeyRing(later)) } })
  await kubectl.run(['patch', 'secret', ringName(name), '-n', operatorNamespace, '--type=merge', '-p', patch])
  return keyID
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-rings-'))
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  kubeconfig = await plane.kubeconfigFor(account, groups)
  const namespaces = [operatorNamespace, 'shop'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  await kubectl.apply(namespaces)
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  controller = await start()
  await controller.said('leading', 60_000)
  await kubectl.apply(
    names.map((name) => ({
      apiVersion: 'signet.dev/v1alpha1',
      kind: 'ServiceIdentity',
      metadata: { name, namespace: 'shop' },
      spec: {},
    })),
  )
  for (const name of names) await ready(name)
}, buildTimeout)

afterAll(async () => {
  for (const process of started) await process.stop()
  await plane.stop()
  await rm(directory, { recursive: true })
})

describe('a key ring on a real API server', () => {
  it('I1: is back within ten seconds after having been deleted, with the keys it had', async () => {
    const [before, count] = [await jwks('orders'), await restores('KeyRingLost')]
    const [kid = ''] = kidsOf(before)
    await deleteRing('orders')
    await restored('orders', kid)
    expect(await jwks('orders')).toBe(before)
    await eventually('the condition', async () => (await condition('orders'))?.reason === 'KeyRingRestored')
    await eventually('the Event', async () =>
      (await kubectl.run(['get', 'events', '-n', 'shop'])).includes(
        'The key ring was deleted and has been restored from memory',
      ),
    )
    await counted('KeyRingLost', count)
    expect(controller.count('token issued', { identity: 'shop/orders' })).toBe(1)
  })

  it('I4: never publishes the key of another hand', async () => {
    const [before, count] = [await jwks('payments'), await restores('KeyRingReplaced')]
    const [kid = ''] = kidsOf(before)
    const foreign = await replaceRing('payments')
    await eventually('the ring to be restored', async () => !(await ringText('payments')).includes(foreign), 10_000)
    await restored('payments', kid)
    await eventually('the condition', async () => (await condition('payments'))?.reason === 'KeyRingRestored')
    expect(await jwks('payments')).toBe(before)
    await counted('KeyRingReplaced', count)
  })

  it('I1: is restored by a replica that stood by, after the one that led was killed', async () => {
    const second = await start()
    // It has no webhook configurations to wait for: what keeps it from being ready is not the rings.
    const unlisted = async () =>
      (await (await fetch(`http://127.0.0.1:${second.probePort}/readyz`)).text()).includes('listed')
    await eventually('the second to have listed all', async () => {
      try {
        return !(await unlisted())
      } catch {
        return false
      }
    })
    const before = await jwks('ledger')
    await controller.stop('SIGKILL')
    await deleteRing('ledger')
    await second.said('leading', 60_000)
    controller = second
    await restored('ledger', kidsOf(before)[0] ?? '')
    expect(await jwks('ledger')).toBe(before)
  }, 240_000)

  it('I1: fails closed after a restart where it was deleted or replaced, until it is restored from a backup', async () => {
    const before = await Promise.all(names.map(jwks))
    const backup = await kubectl.run([
      ...['get', 'secrets', '-n', operatorNamespace, '-l', 'signet.dev/component=key-ring', '-o', 'yaml'],
    ])
    await controller.stop()
    await deleteRing('orders')
    const foreign = await replaceRing('payments')
    controller = await start()
    await controller.said('leading', 60_000)
    await eventually('the loss', async () => (await condition('orders'))?.reason === 'KeyRingLost')
    await eventually('the other hand', async () => (await condition('payments'))?.reason === 'KeyRingReplaced')
    expect(await ringNames()).not.toContain(ringName('orders'))
    expect(await ringText('payments')).toContain(foreign)
    expect(await Promise.all(names.map(jwks))).toEqual(before)
    expect((await condition('ledger'))?.status).toBe('True')
    await deleteRing('payments')
    await kubectl.try(['create', '-f', '-'], { input: backup })
    for (const name of names) await ready(name)
    expect(await Promise.all(names.map(jwks))).toEqual(before)
    expect(controller.count('token issued')).toBe(0)
  }, 240_000)

  it('is replaced by fresh keys where its identity is deleted and applied again', async () => {
    const before = await jwks('orders')
    await controller.stop()
    await deleteRing('orders')
    controller = await start()
    await eventually('the loss', async () => (await condition('orders'))?.reason === 'KeyRingLost')
    const identity = await kubectl.run(['get', 'sid', 'orders', '-n', 'shop', '-o', 'yaml'])
    await kubectl.run(['delete', 'sid', 'orders', '-n', 'shop'])
    // No garbage collector runs here.
    await kubectl.run(['delete', 'secret', 'signet.orders', '-n', 'shop'])
    await kubectl.run(['apply', '-f', '-'], { input: identity })
    await eventually('fresh keys', async () => (await tryJwks('orders')) !== before)
    await ready('orders')
  }, 240_000)

  it('I3: is encrypted at rest when that is switched on, and again under a newer key, with no token minted anew', async () => {
    const before = await Promise.all(names.map(jwks))
    const file = join(directory, 'keys')
    const line = (id: string) => `${id}:${randomBytes(32).toString('base64')}\n`
    let text = ''
    for (const id of ['first', 'second']) {
      text = line(id) + text
      await writeFile(file, text)
      await controller.stop()
      controller = await start(['--key-encryption-key-file', file])
      for (const name of names) {
        await eventually(`the ring of ${name} under ${id}`, async () =>
          (await ringText(name)).includes(`"keyEncryptionKey":"${id}"`),
        )
        expect(await ringText(name)).not.toContain('"d":')
      }
      expect(await Promise.all(names.map(jwks))).toEqual(before)
      expect(controller.count('token issued')).toBe(0)
    }
    await controller.stop()
    controller = await start()
    await eventually('the condition', async () => (await condition('orders'))?.reason === 'KeyEncryptionKeyUnknown')
    expect((await condition('orders'))?.message).toContain('key-encryption key second is needed')
    expect(await Promise.all(names.map(jwks))).toEqual(before)
  }, 300_000)

  it('I3: is never shown in a log', () => {
    for (const { text } of started) {
      expect(text.length).toBeGreaterThan(100)
      expect(text).not.toContain('"d":')
      expect(text).not.toContain('ciphertext')
    }
  })
})

function kidsOf(set: string): string[] {
  return (JSON.parse(set) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

async function tryJwks(name: string): Promise<string | undefined> {
  const { code } = await kubectl.try(['get', 'configmap', `signet-jwks.shop.${name}`, '-n', operatorNamespace])
  return code === 0 ? jwks(name) : undefined
}
