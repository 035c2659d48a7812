import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { ControllerProcess } from './controller-process.ts'
import { accountUser, Kubectl } from './kubectl.ts'

let plane: ControlPlane
let kubectl: Kubectl
let kubeconfig: string
let controller: ControllerProcess
const started: ControllerProcess[] = []

const account = accountUser(operatorNamespace, 'signet-controller')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]

const start = async (flags: readonly string[] = []): Promise<ControllerProcess> => {
  const process = await ControllerProcess.start(kubeconfig, flags)
  started.push(process)
  return process
}

const identity = (name: string, spec: ServiceIdentity['spec'] = {}, namespace = 'shop') => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name, namespace },
  spec,
})
const get = <T = KubeObject>(kind: string, name: string, namespace = 'shop') =>
  kubectl.json<T>(['get', kind, name, '-n', namespace])
const status = async (name: string) => (await get<ServiceIdentity>('sid', name)).status
const condition = async (name: string, type = 'Ready') =>
  (await status(name))?.conditions?.find((found) => found.type === type)
const eventually = (what: string, until: () => Promise<boolean>, limitMs = 30_000) =>
  waitFor({ what, limitMs, everyMs: 100, until })
const ready = (name: string) =>
  eventually(`${name} to be Ready`, async () => (await condition(name))?.status === 'True')
const token = async (name: string, file = 'token') => {
  const { data } = await get<Secret>('secret', `signet.${name}`)
  return Buffer.from(data?.[file] ?? '', 'base64').toString()
}

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  kubeconfig = await plane.kubeconfigFor(account, groups)
  const namespaces = [operatorNamespace, 'shop', 'bank'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  await kubectl.apply(namespaces)
  const wanted =
    /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$|^(Mutating|Validating)WebhookConfiguration$/
  const chart = await renderChart()
  // The webhooks themselves are not reachable here: only what the controller writes into them is looked at.
  await kubectl.apply(
    chart
      .filter(({ kind }) => wanted.test(kind))
      .map((manifest) =>
        Array.isArray(manifest.webhooks)
          ? {
              ...manifest,
              webhooks: manifest.webhooks.map((webhook: object) => ({ ...webhook, failurePolicy: 'Ignore' })),
            }
          : manifest,
      ),
  )
  controller = await start()
  await controller.said('leading')
}, buildTimeout)

afterAll(async () => {
  for (const process of started) await process.stop()
  await plane.stop()
})

describe('the controller on a real API server', () => {
  it('makes the first identity of the README Ready: key ring, public keys, token files, status and an Event', async () => {
    await kubectl.run(['apply', '-f', join(projectDirectory, 'examples/first-identity.yaml')])
    await ready('orders')
    const found = await get<ServiceIdentity>('sid', 'orders')
    expect(found.status).toMatchObject({
      observedGeneration: 1,
      subject: 'spiffe://cluster.local/ns/shop/sa/orders',
      issuer: 'https://signet-authority.signet-system.svc',
      secretName: 'signet.orders',
      keys: [{ state: 'Active', algorithm: 'ES256' }],
      tokens: [
        { name: 'payments', audience: 'payments' },
        { name: 'ledger', audience: 'ledger' },
      ],
    })
    const secret = await get<Secret>('secret', 'signet.orders')
    expect(secret.type).toBe('signet.dev/identity')
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['ca.crt', 'issuer', 'ledger.jwt', 'payments.jwt', 'token'])
    expect(secret.metadata.ownerReferences).toMatchObject([{ uid: found.metadata.uid, controller: true }])
    expect(await token('orders')).toBe(await token('orders', 'payments.jwt'))
    expect(decodeJwt(await token('orders', 'ledger.jwt'))).toMatchObject({ aud: 'ledger', sub: found.status?.subject })
    const { data } = await get<{ data: Record<string, string> }>(
      'configmap',
      'signet-jwks.shop.orders',
      operatorNamespace,
    )
    expect(JSON.parse(data['jwks.json'] ?? '')).toMatchObject({ keys: [{ sub: found.status?.subject, use: 'sig' }] })
    expect(data['jwks.json']).not.toContain('"d"')
    await eventually('the Event', async () =>
      (await kubectl.run(['get', 'events', '-n', 'shop'])).includes('issued payments, ledger'),
    )
  })

  it('I8: writes no Secret of another owner and says whose it is', async () => {
    const taken = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'signet.taken', namespace: 'shop' },
      stringData: { mine: 'yes' },
    }
    await kubectl.apply([taken])
    await kubectl.apply([identity('taken')])
    await eventually('the conflict', async () => (await condition('taken'))?.reason === 'Conflict')
    expect(await condition('taken', 'KeysReady')).toMatchObject({ status: 'True' })
    expect((await condition('taken'))?.message).toBe(
      'Secret shop/signet.taken exists and does not belong to this ServiceIdentity: delete or rename it',
    )
    expect((await get<Secret>('secret', 'signet.taken')).data).toEqual({ mine: Buffer.from('yes').toString('base64') })
    await kubectl.run(['delete', 'secret', 'signet.taken', '-n', 'shop'])
    await kubectl.run(['annotate', 'sid', 'taken', '-n', 'shop', 'example.com/try=again'])
    await ready('taken')
  })

  it('brings back a Secret that was deleted, emptied, tampered with or stripped of its labels', async () => {
    await kubectl.apply([identity('victim')])
    await ready('victim')
    const first = await token('victim')
    await kubectl.run(['delete', 'secret', 'signet.victim', '-n', 'shop'])
    await eventually('a fresh Secret', async () => !['', first].includes(await token('victim').catch(() => '')))
    const second = await token('victim')
    const forged = Buffer.from((await token('orders')).trim()).toString('base64')
    const patch = JSON.stringify({ data: { token: forged, 'default.jwt': forged, extra: 'eHg=' } })
    await kubectl.run(['patch', 'secret', 'signet.victim', '-n', 'shop', '--type=merge', '-p', patch])
    await eventually(
      'a token of its own',
      async () => decodeJwt(await token('victim')).sub?.endsWith('/victim') === true,
    )
    expect((await get<Secret>('secret', 'signet.victim')).data).not.toHaveProperty('extra')
    expect(await token('victim')).not.toBe(second)
    const third = await token('victim')
    await kubectl.run([
      'label',
      'secret',
      'signet.victim',
      '-n',
      'shop',
      'app.kubernetes.io/managed-by-',
      'signet.dev/component-',
    ])
    await eventually(
      'the labels',
      async () =>
        (await get<Secret>('secret', 'signet.victim')).metadata.labels?.['signet.dev/component'] === 'identity',
    )
    expect(['', third]).not.toContain(await token('victim').catch(() => ''))
  })

  it('sweeps the ring and the public keys of a deleted identity', async () => {
    await kubectl.apply([identity('short-lived')])
    await ready('short-lived')
    await kubectl.run(['delete', 'sid', 'short-lived', '-n', 'shop'])
    await eventually('the sweep', async () => {
      const left = await kubectl.run(['get', 'secrets,configmaps', '-n', operatorNamespace, '-o', 'name'])
      return !left.includes('short-lived')
    })
  })

  it('gives a recreated identity keys of its own', async () => {
    await kubectl.apply([identity('phoenix')])
    await ready('phoenix')
    const before = (await status('phoenix'))?.keys?.[0]?.keyID
    await kubectl.run(['delete', 'sid', 'phoenix', '-n', 'shop'])
    await kubectl.run(['delete', 'secret', 'signet.phoenix', '-n', 'shop', '--ignore-not-found'])
    await kubectl.apply([identity('phoenix')])
    await ready('phoenix')
    expect((await status('phoenix'))?.keys?.[0]?.keyID).not.toBe(before)
  })

  it('refuses what the chart does not allow, and names field, value and remedy', async () => {
    await kubectl.apply([identity('claims', { tokens: [{ name: 'a', claims: { groups: ['admin'] } }] })])
    await eventually('the refusal', async () => (await condition('claims'))?.reason === 'InvalidSpec')
    expect((await condition('claims'))?.message).toContain('spec.tokens[0].claims.groups')
    expect((await kubectl.try(['get', 'secret', 'signet.claims', '-n', 'shop'])).code).not.toBe(0)
  })

  it('mints only the token whose spec has changed', async () => {
    const before = { payments: await token('orders', 'payments.jwt'), ledger: await token('orders', 'ledger.jwt') }
    await kubectl.apply([
      identity('orders', {
        tokens: [
          { name: 'payments', audience: 'pay' },
          { name: 'ledger', lifetime: '30m' },
        ],
      }),
    ])
    await eventually('the new audience', async () => decodeJwt(await token('orders', 'payments.jwt')).aud === 'pay')
    expect(await token('orders', 'payments.jwt')).not.toBe(before.payments)
    expect(await token('orders', 'ledger.jwt')).toBe(before.ledger)
  })

  it('writes the caBundle of both webhook configurations, and restores it within five seconds when it is wiped', async () => {
    for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
      const bundle = () => kubectl.run(['get', kind, 'signet', '-o', 'jsonpath={.webhooks[0].clientConfig.caBundle}'])
      await eventually(`the caBundle of ${kind}`, async () => (await bundle()).length > 100)
      const before = await bundle()
      await kubectl.run([
        'patch',
        kind,
        'signet',
        '--type=json',
        '-p',
        '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]',
      ])
      await eventually('the caBundle again', async () => (await bundle()) === before, 5000)
    }
  })

  it('rotates a key when the annotation asks for it: published ahead, then active, the old one retired', async () => {
    const signingKey = { rotationPeriod: '10m', publishAhead: '30s' }
    await kubectl.apply([identity('rotor', { signingKey, tokens: [{ name: 'a', lifetime: '5m' }] })])
    await ready('rotor')
    const first = (await status('rotor'))?.keys?.[0]?.keyID
    await kubectl.run(['annotate', 'sid', 'rotor', '-n', 'shop', 'signet.dev/rotate-key=1'])
    await eventually('a published key', async () => (await status('rotor'))?.keys?.[1]?.publishedAt !== undefined)
    expect((await status('rotor'))?.keys).toMatchObject([{ keyID: first, state: 'Active' }, { state: 'Published' }])
    const published = Date.parse((await status('rotor'))?.keys?.[1]?.publishedAt ?? '')
    await eventually('the activation', async () => (await status('rotor'))?.keys?.[1]?.state === 'Active', 45_000)
    const keys = (await status('rotor'))?.keys ?? []
    expect(keys).toMatchObject([{ keyID: first, state: 'Retired' }, { state: 'Active' }])
    expect(Date.parse(keys[1]?.activeAt ?? '') - published).toBeGreaterThanOrEqual(30_000)
    const ring = await get<Secret>('secret', 'signet-keys.shop.rotor', operatorNamespace)
    const slots = JSON.parse(Buffer.from(ring.data?.['ring.json'] ?? '', 'base64').toString()) as { slots: object[] }
    expect(slots.slots[0]).not.toHaveProperty('privateJwk')
    // Its tokens are renewed every two minutes: the tests to come count what is minted and written.
    await kubectl.run(['delete', 'sid', 'rotor', '-n', 'shop'])
  }, 120_000)

  it('I10: re-mints and rewrites nothing after a restart', async () => {
    const versions = () =>
      kubectl.run([
        'get',
        'secrets,configmaps',
        '-A',
        '-l',
        'app.kubernetes.io/managed-by=signet',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}',
      ])
    const quiet = async () => {
      const found = await versions()
      await sleep(1000)
      return (await versions()) === found
    }
    await eventually('nothing more to be written', quiet, 60_000)
    const before = await versions()
    expect(await controller.stop()).toBe(0)
    controller = await start()
    await controller.said('leading')
    await eventually(
      'every identity to be looked at',
      async () => (await controller.metric('signet_queue_depth', '{controller="service-identity"}')) === 0,
    )
    await sleep(2000)
    expect(controller.count('token issued')).toBe(0)
    expect(await versions()).toBe(before)
  }, 120_000)

  it('lets a second replica lead after the first was killed, and mints nothing twice', async () => {
    const second = await start()
    await eventually(
      'the second to be ready',
      async () => (await fetch(`http://127.0.0.1:${second.probePort}/readyz`)).ok,
    )
    expect(second.count('leading')).toBe(0)
    const names = Array.from({ length: 20 }, (_, index) => `crowd-${index}`)
    const applied = kubectl.apply(names.map((name) => identity(name)))
    await controller.said('token issued')
    await controller.stop('SIGKILL')
    await applied
    await second.said('leading')
    for (const name of names) await ready(name)
    const minted = new Map<string, number>()
    for (const line of [...controller.lines, ...second.lines]) {
      if (line.message === 'token issued')
        minted.set(String(line.identity), (minted.get(String(line.identity)) ?? 0) + 1)
    }
    for (const name of names) expect(minted.get(`shop/${name}`) ?? 0, name).toBeLessThanOrEqual(1)
    controller = second
  }, 120_000)

  it('I3: puts no token and no key into any log', () => {
    for (const { text } of started) {
      expect(text).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/)
      expect(text).not.toContain('PRIVATE KEY')
      expect(text).not.toContain('"d":')
    }
    expect(started[0]?.lines.length).toBeGreaterThan(10)
  })

  it('tells in the status when it lacks the rights it needs, and goes on when it gets them', async () => {
    const [name] = (await kubectl.run(['get', 'rolebinding', '-n', operatorNamespace, '-o', 'name']))
      .split('\n')
      .filter((line) => line.includes('signet-controller'))
    const binding = await kubectl.run(['get', name ?? '', '-n', operatorNamespace, '-o', 'json'])
    await kubectl.run(['delete', name ?? '', '-n', operatorNamespace])
    await kubectl.apply([identity('forbidden')])
    await eventually('the condition', async () => (await condition('forbidden'))?.reason === 'Forbidden', 60_000)
    expect((await condition('forbidden'))?.message).toContain(
      'cannot create configmaps signet-system/signet-jwks.shop.forbidden: 403 Forbidden',
    )
    const { metadata, ...rest } = JSON.parse(binding) as KubeObject
    await kubectl.apply([{ ...rest, metadata: { name: metadata.name, namespace: metadata.namespace } }])
    await ready('forbidden')
  }, 180_000)
})
