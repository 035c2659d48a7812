import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { parseKeyEncryptionKeys } from '../../../src/keys/key-ring/encryption.ts'
import type { SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing, encodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { type ConfigMap, publishedKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { type Secret, secretText, secretValue } from '../../../src/kube/secrets/secret-codec.ts'
import { issuingKeysRef, issuingRingRef, startIssuingKeys } from '../../builders/issuing-keys-controller.ts'
import { authorityRing, authoritySlot } from '../../builders/authority-ring.ts'
import { startIdentityController } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

type Controller = Awaited<ReturnType<typeof startIssuingKeys>>
type Options = Omit<Parameters<typeof startIssuingKeys>[0], 'client' | 'clock'>

let client: MemoryKubeClient
let clock: HeldClock
let controller: Controller
const running: { stop: () => Promise<void> }[] = []

async function start(options: Options = {}): Promise<Controller> {
  const started = await startIssuingKeys({ client, clock, ...options })
  running.push(started)
  return started
}

async function stopAll(): Promise<void> {
  for (const one of running.splice(0)) await one.stop()
}

beforeEach(async () => {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  controller = await start()
  await controller.reconcile()
})
afterEach(stopAll)

const secret = () => client.get<Secret>(resources.secrets, issuingRingRef)
const configMap = () => client.get<ConfigMap>(resources.configMaps, issuingKeysRef)
async function text(): Promise<string> {
  const stored = await secret()
  return stored === undefined ? '' : (secretText(stored, 'ring.json') ?? '')
}
async function published(): Promise<readonly PublicJwk[]> {
  const stored = await configMap()
  return (stored && publishedKeys(stored)) ?? []
}
const kids = async () => (await published()).map(({ kid }) => kid).sort()
const slots = async () => decodeKeyRing(await text()).slots
const states = async () => (await slots()).map(({ state }) => state)

async function annotate(annotations: Record<string, string>): Promise<void> {
  await client.patch(resources.configMaps, issuingKeysRef, { metadata: { annotations } }, { type: 'merge' })
}

async function putRing(ring: string): Promise<void> {
  const live = await secret()
  if (live === undefined) throw new Error('no ring')
  await client.replace<Secret>(resources.secrets, { ...live, data: { 'ring.json': secretValue(ring) } })
}

/** Runs whenever the reconciler asked to, for some time. */
async function pass(time: number, by = controller): Promise<void> {
  const until = clock.now() + time
  for (let runs = 0; clock.now() < until && runs < 200; runs += 1) {
    const { requeueAfterMs = Number.POSITIVE_INFINITY } = (await by.reconcile()) ?? {}
    clock.advance(Math.min(Math.max(requeueAfterMs, 1), until - clock.now()))
  }
  await by.reconcile()
}

describe('the keys of the authority', () => {
  it('sign at once, and are bound to no subject', async () => {
    const [slot] = await slots()
    expect(slot).toMatchObject({ state: 'Active', algorithm: 'ES256', urgent: true, longestUse: HOUR })
    const [key, ...others] = await published()
    expect(others).toEqual([])
    expect(key).toEqual(slot?.publicJwk)
    expect(key).not.toHaveProperty('sub')
    expect(await secret()).toMatchObject({ type: 'signet.dev/key-ring' })
    expect(controller.events).toMatchObject([
      { type: 'Normal', reason: 'FirstKey', action: 'PublishKey', regarding: { metadata: issuingKeysRef } },
    ])
  })

  it('I4: rotate once a day, published an hour ahead, and go two hours after their retirement', async () => {
    const [first = ''] = await kids()
    const seen = new Map<string, number>()
    const active = new Map<string, number>()
    const gone = new Map<string, number>()
    for (let minute = 0; minute < 30 * 60; minute += 1) {
      await pass(MINUTE)
      const now = await kids()
      for (const kid of now) seen.set(kid, seen.get(kid) ?? clock.now())
      for (const kid of seen.keys()) if (!now.includes(kid) && !gone.has(kid)) gone.set(kid, clock.now())
      for (const { state, keyID } of await slots()) {
        if (state === 'Active') active.set(keyID, active.get(keyID) ?? clock.now())
      }
    }
    const [, second = ''] = [...active.keys()]
    expect([...active.keys()]).toHaveLength(2)
    const [published = 0, signing = 0, removed = 0] = [seen.get(second), active.get(second), gone.get(first)]
    expect(signing - published).toBeGreaterThanOrEqual(HOUR)
    expect(removed - signing).toBeGreaterThanOrEqual(2 * HOUR)
    expect(removed - signing).toBeLessThanOrEqual(2 * HOUR + 2 * MINUTE)
  }, 240_000)

  it('I3: drop the private half with retirement', async () => {
    await annotate({ 'signet.dev/rotate-key': '1' })
    await pass(HOUR + MINUTE)
    expect(await states()).toEqual(['Retired', 'Active'])
    expect((await slots()).map(({ privateJwk }) => privateJwk !== undefined)).toEqual([false, true])
  })

  it('rotate by the annotation of the public ConfigMap, once for each value', async () => {
    const before = await kids()
    await annotate({ 'signet.dev/rotate-key': '1' })
    await controller.reconcile()
    expect(await states()).toEqual(['Active', 'Published'])
    await pass(4 * HOUR)
    expect(await states()).toEqual(['Active'])
    expect(await kids()).not.toEqual(before)
    expect((await configMap())?.metadata.annotations).toMatchObject({ 'signet.dev/rotate-key': '1' })
    await annotate({ 'signet.dev/rotate-key': '2' })
    await controller.reconcile()
    expect(await states()).toEqual(['Active', 'Published'])
  })

  it('are revoked by the annotation: the key leaves the set, and a fresh one signs at once', async () => {
    const [revoked = ''] = await kids()
    await annotate({ 'signet.dev/revoke-key': revoked })
    await controller.reconcile()
    expect(await kids()).not.toContain(revoked)
    expect(await kids()).toHaveLength(1)
    expect(await slots()).toMatchObject([
      { keyID: revoked, state: 'Revoked' },
      { state: 'Active', urgent: true },
    ])
    expect((await slots())[0]).not.toHaveProperty('privateJwk')
    expect(controller.events.at(-1)).toMatchObject({ reason: 'Revoked', action: 'RevokeKey' })
    const settled = await kids()
    await pass(3 * HOUR)
    expect(await kids()).toEqual(settled)
    expect(await states()).toEqual(['Active'])
  })

  it('are written by nobody once they are settled', async () => {
    const before = client.writes.length
    await controller.reconcile()
    await (await start()).reconcile()
    expect(client.writes.length).toBe(before)
  })
})

const attacks: [string, string, () => Promise<void>][] = [
  ['deleted', 'KeyRingLost', () => client.delete(resources.secrets, issuingRingRef).then(() => undefined)],
  [
    'replaced by a foreign ring',
    'KeyRingReplaced',
    async () => putRing(encodeKeyRing(await authorityRing([await authoritySlot()]))),
  ],
  [
    'replaced by the ring of an identity',
    'KeyRingReplaced',
    async () => {
      const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
      const ring = await authorityRing([await authoritySlot({}, { subject })], { uid: 'uid-1', subject })
      await putRing(encodeKeyRing(ring))
    },
  ],
  ['emptied', 'KeyRingUnusable', () => putRing('')],
]

describe("the authority's ring", () => {
  let ring: SealedKeyRing
  let before: string[]
  beforeEach(async () => {
    ring = decodeKeyRing(await text())
    before = await kids()
  })

  it.each(attacks)('I1: is restored from memory after having been %s', async (_title, reason, attack) => {
    await attack()
    await controller.reconcile()
    expect(decodeKeyRing(await text())).toEqual(ring)
    expect(await kids()).toEqual(before)
    expect(controller.events.at(-1)).toMatchObject({ type: 'Warning', reason: 'KeyRingRestored' })
    expect(await controller.metrics.render()).toContain(`signet_key_rings_restored_total{reason="${reason}"} 1`)
  })

  it.each(attacks)('I1: is restored by a replica that stood by while it was %s', async (_title, _reason, attack) => {
    const second = await start()
    await second.reconcile()
    await controller.stop()
    await attack()
    await second.reconcile()
    expect(decodeKeyRing(await text())).toEqual(ring)
    expect(await kids()).toEqual(before)
  })

  it.each(attacks)('I1: is blocked where it was %s during a restart, and says why once', async (_, reason, attack) => {
    await stopAll()
    await attack()
    const stored = await text()
    const next = await start()
    for (let run = 0; run < 3; run += 1) expect(await next.reconcile()).toEqual({ requeueAfterMs: 5 * MINUTE })
    expect(await text()).toBe(stored)
    expect(await kids()).toEqual(before)
    expect(next.events).toMatchObject([{ type: 'Warning', reason, action: 'BlockKeys' }])
    expect(next.events[0]?.note).toContain('annotation signet.dev/revoke-key of the ConfigMap signet-jwks.authority')
  })

  it.each(attacks)('is made afresh where it was %s and the published key is revoked', async (_, _reason, attack) => {
    await stopAll()
    await attack()
    const next = await start()
    await next.reconcile()
    await annotate({ 'signet.dev/revoke-key': before.join() })
    await next.reconcile()
    expect(await kids()).toHaveLength(1)
    expect(await kids()).not.toEqual(before)
    expect(await states()).toEqual(['Active'])
  })

  it('I1: gets its public keys back after a client deletes them', async () => {
    await client.delete(resources.configMaps, issuingKeysRef)
    await controller.reconcile()
    expect(await kids()).toEqual(before)
  })

  it('I8: is left alone by the sweep of identities, whatever its annotations say', async () => {
    const identities = await startIdentityController({ client, clock })
    running.push(identities)
    const live = await secret()
    const annotations = {
      'signet.dev/namespace': 'shop',
      'signet.dev/name': 'ghost',
      'signet.dev/identity-uid': 'gone',
    }
    if (live !== undefined) {
      await client.replace(resources.secrets, { ...live, metadata: { ...live.metadata, annotations } })
    }
    for (const key of ['shop/ghost', 'authority/authority', 'signet-system/authority']) {
      await identities.reconcile(key)
    }
    expect(decodeKeyRing(await text())).toEqual(ring)
    expect(await kids()).toEqual(before)
  })
})

describe('encrypted at rest', () => {
  const keysOf = (id: string) => parseKeyEncryptionKeys(`${id}:${randomBytes(32).toString('base64')}`)
  const [encryption, issuingKeyEncryption] = [keysOf('identities'), keysOf('authority')]

  it("I3: is under the authority's key alone, so that the authority need not hold what decrypts identities' keys", async () => {
    const before = decodeKeyRing(await text())
    await stopAll()
    const next = await start({ encryption, issuingKeyEncryption })
    await next.reconcile()
    expect(await text()).toContain('"keyEncryptionKey":"authority"')
    expect(await text()).not.toContain(before.slots[0]?.privateJwk?.d ?? '?')
    expect(decodeKeyRing(await text(), { encryption: issuingKeyEncryption })).toEqual(before)
    const stored = await text()
    expect(() => decodeKeyRing(stored, { encryption })).toThrow('key-encryption key authority is needed')
  })

  it('fails closed under a key that is not there', async () => {
    await stopAll()
    await (await start({ issuingKeyEncryption })).reconcile()
    await stopAll()
    const stored = await text()
    const next = await start({ encryption, issuingKeyEncryption: keysOf('another') })
    expect(await next.reconcile()).toEqual({ requeueAfterMs: 5 * MINUTE })
    expect(next.events).toMatchObject([{ reason: 'KeyEncryptionKeyUnknown', type: 'Warning' }])
    expect(await text()).toBe(stored)
  })
})

it('I3: shows no private key in any Event or line of the log', async () => {
  const secrets = [(await slots())[0]?.privateJwk?.d ?? '']
  for (const [, , attack] of attacks) {
    await attack()
    await controller.reconcile()
    clock.advance(10 * MINUTE + SECOND)
  }
  const shown = JSON.stringify([controller.events, controller.logger.lines])
  expect(secrets[0]).not.toBe('')
  for (const one of secrets) expect(shown).not.toContain(one)
})
