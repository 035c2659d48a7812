import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServiceIdentity, TokenRevocation, TokenRevocationSpec } from '../../src/api/v1alpha1/types.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import type { Secret } from '../../src/kube/secrets/secret-codec.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { ControllerProcess } from './controller-process.ts'
import { accountUser, Kubectl } from './kubectl.ts'

let plane: ControlPlane
let kubectl: Kubectl
let controller: ControllerProcess
const started: ControllerProcess[] = []

const account = accountUser(operatorNamespace, 'signet-controller')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]
const others = ['payments', 'ledger', 'carts']

const start = async (): Promise<ControllerProcess> => {
  const process = await ControllerProcess.start(await plane.kubeconfigFor(account, groups))
  started.push(process)
  return process
}
const get = <T = KubeObject>(kind: string, name: string, namespace = 'shop') =>
  kubectl.json<T>(['get', kind, name, '-n', namespace])
const eventually = (what: string, until: () => Promise<boolean>, limitMs = 30_000) =>
  waitFor({ what, limitMs, everyMs: 50, until })
const identity = (name: string) => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name, namespace: 'shop' },
  spec: { tokens: [{ name: 'a' }, { name: 'b' }] },
})
const revoke = async (name: string, spec: Omit<TokenRevocationSpec, 'identity'>): Promise<void> => {
  const metadata = { name, namespace: 'shop' }
  const revocation = { apiVersion: 'signet.dev/v1alpha1', kind: 'TokenRevocation', metadata }
  await kubectl.apply([{ ...revocation, spec: { identity: 'orders', ...spec } }])
}
const status = async () => (await get<ServiceIdentity>('sid', 'orders')).status
const applied = async (name: string) =>
  (await get<TokenRevocation>('trv', name)).status?.conditions?.find(({ type }) => type === 'Applied')
const isApplied = (name: string) =>
  eventually(`${name} to be applied`, async () => (await applied(name))?.status === 'True')
const token = async (file: string, name = 'orders') => {
  const { data } = await get<Secret>('secret', `signet.${name}`)
  return Buffer.from(data?.[file] ?? '', 'base64').toString()
}
const published = async () => {
  const { data } = await get<{ data: Record<string, string> }>(
    'configmap',
    'signet-jwks.shop.orders',
    operatorNamespace,
  )
  return (JSON.parse(data['jwks.json'] ?? '') as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}
/** Secrets, rings and public keys of the identities that nobody revokes, with their resource versions. */
const bystanders = () =>
  Promise.all(
    others.flatMap((name) => [
      get('secret', `signet.${name}`),
      get('secret', `signet-keys.shop.${name}`, operatorNamespace),
      get('configmap', `signet-jwks.shop.${name}`, operatorNamespace),
    ]),
  )

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const namespaces = [operatorNamespace, 'shop']
  await kubectl.apply(namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  controller = await start()
  await controller.said('leading')
  await kubectl.apply(['orders', ...others].map(identity))
  for (const name of ['orders', ...others]) {
    await kubectl.run(['wait', `sid/${name}`, '-n', 'shop', '--for=condition=Ready', '--timeout=120s'])
  }
}, buildTimeout)

afterAll(async () => {
  await controller.stop()
  await plane.stop()
})

describe('a TokenRevocation on a real API server', () => {
  it('of a key takes it out of the public keys, lets a fresh one sign and touches no other identity', async () => {
    const before = await bystanders()
    const [leaked = ''] = await published()
    const tokens = [await token('a.jwt'), await token('b.jwt')]
    await revoke('key-leaked', { keyID: leaked, reason: 'test' })
    await eventually(
      'a token of another key',
      async () => decodeProtectedHeader(await token('token')).kid !== leaked,
      5000,
    )
    const kids = await published()
    expect(kids).toHaveLength(1)
    expect(kids).not.toContain(leaked)
    for (const file of ['a.jwt', 'b.jwt']) {
      expect(decodeProtectedHeader(await token(file)).kid).toBe(kids[0])
      expect(tokens).not.toContain(await token(file))
    }
    await isApplied('key-leaked')
    expect((await status())?.keys).toMatchObject([
      { keyID: leaked, state: 'Revoked' },
      { keyID: kids[0], state: 'Active' },
    ])
    expect(await bystanders()).toEqual(before)
    const ring = await get<Secret>('secret', 'signet-keys.shop.orders', operatorNamespace)
    const { slots } = JSON.parse(Buffer.from(ring.data?.['ring.json'] ?? '', 'base64').toString()) as {
      slots: object[]
    }
    expect(slots[0]).not.toHaveProperty('privateJwk')
    await eventually('both Events', async () => {
      const events = await kubectl.run(['get', 'events', '-n', 'shop'])
      return (
        events.includes(`key ${leaked} revoked by TokenRevocation`) && events.includes('tokenrevocation/key-leaked')
      )
    })
  })

  it('of a token mints this one anew and keeps the other', async () => {
    const [a, b] = [await token('a.jwt'), await token('b.jwt')]
    await revoke('token-leaked', { tokenID: String(decodeJwt(a).jti) })
    await isApplied('token-leaked')
    expect(await token('a.jwt')).not.toBe(a)
    expect(await token('b.jwt')).toBe(b)
  })

  it('of everything before a time mints all that are older anew, once', async () => {
    const tokens = [await token('a.jwt'), await token('b.jwt')]
    const latest = Math.max(...tokens.map((text) => decodeJwt(text).iat ?? 0))
    await revoke('time', { issuedBefore: new Date((latest + 1) * 1000).toISOString() })
    await isApplied('time')
    const after = [await token('a.jwt'), await token('b.jwt')]
    for (const text of after) expect(tokens).not.toContain(text)
    await revoke('time-again', { issuedBefore: new Date((latest + 1) * 1000).toISOString() })
    await isApplied('time-again')
    expect([await token('a.jwt'), await token('b.jwt')]).toEqual(after)
  })

  it('says why where it cannot be applied', async () => {
    await revoke('slip', { keyID: 'x'.repeat(43) })
    await eventually('the reason', async () => (await applied('slip'))?.reason === 'KeyUnknown')
    await revoke('future', { issuedBefore: new Date(Date.now() + 3_600_000).toISOString() })
    await eventually('the refusal', async () => (await applied('future'))?.reason === 'TooFarAhead')
  })

  it('I10: has been applied wholly also where it was created while no controller ran', async () => {
    await controller.stop('SIGKILL')
    const [leaked = ''] = await published()
    await revoke('while-away', { keyID: leaked })
    controller = await start()
    // The lease of the one that was killed has to expire first.
    await controller.said('leading', 60_000)
    await isApplied('while-away')
    expect(await published()).not.toContain(leaked)
    expect(await published()).toContain(decodeProtectedHeader(await token('token')).kid)
    expect((await status())?.keys?.map(({ state }) => state)).toEqual(['Revoked', 'Revoked', 'Active'])
  }, 120_000)

  it('deletes itself once nothing that it names can be alive', async () => {
    const patch = JSON.stringify({ status: { expiresAt: '2020-01-01T00:00:00Z' } })
    await kubectl.run([
      'patch',
      'trv',
      'token-leaked',
      '-n',
      'shop',
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ])
    const names = () => kubectl.run(['get', 'trv', '-n', 'shop', '-o', 'name'])
    await eventually('its deletion', async () => !(await names()).includes('token-leaked'))
    expect(await names()).toContain('key-leaked')
  })

  it('I3: never brings a token or a key into the log', () => {
    for (const { lines, text } of started) {
      expect(lines.length).toBeGreaterThan(5)
      expect(text).not.toMatch(/eyJ[A-Za-z0-9_-]{10}|PRIVATE KEY|"d":/)
    }
  })
})
