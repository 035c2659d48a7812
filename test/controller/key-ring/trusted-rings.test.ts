import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MINUTE } from '../../../src/time/duration.ts'
import { parseKeyEncryptionKeys } from '../../../src/keys/key-ring/encryption.ts'
import { sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import type { SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing, encodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { type Controller, KeyRingStory } from '../../builders/key-ring-story.ts'
import { keyRing, keySlot, subject } from '../../builders/keys.ts'

let story: KeyRingStory
let controller: Controller
/** What was there before the other hand came. */
let before: { readonly kids: string[]; readonly token: string; readonly ring: SealedKeyRing }

beforeEach(async () => {
  story = new KeyRingStory()
  controller = await story.start()
  await story.settle(controller)
  before = {
    kids: await story.publishedKeyIDs(),
    token: await story.token(),
    ring: decodeKeyRing(await story.ringText()),
  }
})
afterEach(() => story.end())

/** A foreign ring that is otherwise right: for this uid and subject, and sealed. */
async function foreignRing(extra: Partial<SealedKeyRing> = {}): Promise<string> {
  const own = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
  // The public halves of the true keys are known to everybody.
  const known = before.ring.slots.map((slot) => {
    const { privateJwk: _unknown, ...rest } = slot
    return { ...rest, state: 'Retired' as const }
  })
  const ring = keyRing([...known, own], { uid: await story.uid(), subject, ...extra })
  const sealed = await sealKeyRing(ring, undefined)
  return encodeKeyRing({
    ...sealed,
    ...(await sealKeyRing(ring, { ...sealed, seal: { ...sealed.seal, sequence: 99 } })),
  })
}

async function forgedSeal(): Promise<string> {
  const ring = JSON.parse(await foreignRing()) as SealedKeyRing
  return JSON.stringify({ ...ring, seal: { ...ring.seal, keyID: before.kids[0] } })
}

const unharmed = async (): Promise<void> => {
  expect(await story.publishedKeyIDs()).toEqual(before.kids)
  expect(await story.token()).toBe(before.token)
  await story.verify(before.token)
}

const attacks: [string, string, () => Promise<void>][] = [
  ['deleted', 'KeyRingLost', () => story.deleteRing()],
  ['replaced by a foreign ring', 'KeyRingReplaced', async () => story.putRing(await foreignRing())],
  ['replaced by one of another uid', 'KeyRingReplaced', async () => story.putRing(await foreignRing({ uid: 'other' }))],
  ['given a seal that names a true key', 'KeyRingUnusable', async () => story.putRing(await forgedSeal())],
  ['emptied', 'KeyRingUnusable', () => story.putRing('')],
]

describe('a ring under a running controller', () => {
  it.each(attacks)('I1: is restored after having been %s, and no token is lost', async (_title, reason, attack) => {
    await attack()
    await story.untilQuiet(controller)
    await unharmed()
    expect(decodeKeyRing(await story.ringText())).toEqual(before.ring)
    expect(await story.condition('KeysReady')).toMatchObject({ status: 'True', reason: 'KeyRingRestored' })
    const warnings = controller.events.filter(({ type }) => type === 'Warning')
    expect(warnings).toMatchObject([{ reason: 'KeyRingRestored', action: 'RestoreKeyRing' }])
    expect(await controller.metrics.render()).toContain(`signet_key_rings_restored_total{reason="${reason}"} 1`)
  })

  it.each<[string, object]>([
    ['of another type', { type: 'Opaque' }],
    ['that cannot be changed', { immutable: true }],
  ])('I1: is restored also over a Secret %s', async (_title, change) => {
    await story.deleteRing()
    await story.putRing(await foreignRing(), change)
    story.client.failOnce('replace', resources.secrets, { status: 422, reason: 'Invalid' })
    await story.untilQuiet(controller)
    await unharmed()
    expect(await story.ringSecret()).toMatchObject({ type: 'signet.dev/key-ring' })
  })

  it('I4: goes back to the last good one from an older one of its own', async () => {
    const older = await story.ringText()
    await story.settle(controller, { 'signet.dev/rotate-key': 'now' })
    const published = await story.publishedKeyIDs()
    expect(published).toHaveLength(2)
    await story.putRing(older)
    await story.untilQuiet(controller)
    expect(await story.publishedKeyIDs()).toEqual(published)
  })

  it('is left as another leader wrote it, which is what the next write builds on', async () => {
    const second = await story.start()
    await story.settle(second, { 'signet.dev/rotate-key': 'now' })
    const written = await story.ringText()
    await story.untilQuiet(controller)
    expect(await story.ringText()).toBe(written)
    expect(controller.events.filter(({ type }) => type === 'Warning')).toEqual([])
  })

  it('says that it was restored for ten minutes', async () => {
    await story.deleteRing()
    await story.untilQuiet(controller)
    story.clock.advance(9 * MINUTE)
    await story.untilQuiet(controller)
    expect(await story.condition('KeysReady')).toMatchObject({
      reason: 'KeyRingRestored',
      message: 'Signing key published. The key ring was deleted and has been restored',
    })
    story.clock.advance(MINUTE)
    await story.untilQuiet(controller)
    expect(await story.condition('KeysReady')).toMatchObject({
      reason: 'KeysPublished',
      message: 'Signing key published',
    })
  })

  it('is restored at a slower pace while a client keeps deleting it, and its keys are not Ready', async () => {
    let restored = 0
    for (let second = 0; second < 60; second += 1) {
      if ((await story.ringSecret()) !== undefined) await story.deleteRing()
      await controller.reconcile('shop/orders')
      if ((await story.ringSecret()) !== undefined) restored += 1
      await story.verify(before.token)
      story.clock.advance(1000)
    }
    expect(restored).toBeLessThanOrEqual(7)
    expect(await story.condition('KeysReady')).toMatchObject({ status: 'False', reason: 'KeyRingLost' })
    story.clock.advance(10 * MINUTE)
    await story.untilQuiet(controller)
    expect(await story.isReady()).toBe(true)
    expect(await story.publishedKeyIDs()).toEqual(before.kids)
  })

  it('I8: is not restored for an identity that is another by now', async () => {
    const lagging = await story.start({ stillOwner: () => Promise.resolve(false) })
    await story.untilQuiet(lagging)
    await story.deleteRing()
    await expect(lagging.reconcile('shop/orders')).rejects.toMatchObject({ code: 'ERR_STALE_IDENTITY' })
    expect(await story.ringSecret()).toBeUndefined()
  })
})

describe('a ring after a restart', () => {
  it.each(attacks)('I1: fails closed where it was %s meanwhile', async (_title, reason, attack) => {
    await story.end()
    await attack()
    const text = await story.ringText()
    const next = await story.start()
    await story.untilQuiet(next)
    await unharmed()
    expect(await story.ringText()).toBe(text)
    expect(await story.condition('KeysReady')).toMatchObject({ status: 'False', reason })
    expect(await story.isReady()).toBe(false)
    expect(next.events).toMatchObject([{ type: 'Warning', reason, action: 'BlockKeys' }])
  })

  it('goes on with a ring that was restored from a backup', async () => {
    const backup = await story.ringSecret()
    await story.end()
    await story.deleteRing()
    const next = await story.start()
    await story.untilQuiet(next)
    expect(await story.isReady()).toBe(false)
    if (backup !== undefined) await story.restoreSecret(backup)
    await story.untilQuiet(next)
    await unharmed()
    expect(await story.isReady()).toBe(true)
  })

  it.each(attacks)(
    'makes fresh keys where the loss is accepted of one that was %s',
    async (_title, _reason, attack) => {
      await story.end()
      await attack()
      const next = await story.start({
        lossAccepted: (_owner, published) => published.some(({ kid }) => kid === before.kids[0]),
      })
      await story.untilQuiet(next)
      expect(await story.isReady()).toBe(true)
      expect(await story.publishedKeyIDs()).toHaveLength(1)
      expect(await story.publishedKeyIDs()).not.toEqual(before.kids)
      await story.verify(await story.token())
    },
  )

  it('makes fresh keys for an identity that was deleted and applied again', async () => {
    await story.end()
    await story.deleteRing()
    const next = await story.start()
    await story.untilQuiet(next)
    await story.client.delete(resources.serviceIdentities, { namespace: 'shop', name: 'orders' })
    await next.reconcile('shop/orders')
    await story.client.delete(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
    await story.settle(next)
    expect(await story.isReady()).toBe(true)
    await story.verify(await story.token())
  })

  it('finds a ring that has only lost its labels', async () => {
    await story.end()
    const secret = await story.ringSecret()
    if (secret === undefined) throw new Error('no ring')
    await story.client.replace(resources.secrets, { ...secret, metadata: { ...secret.metadata, labels: {} } })
    const next = await story.start()
    await story.untilQuiet(next)
    expect(await story.isReady()).toBe(true)
    await unharmed()
  })

  it('keeps fresh keys for a trust domain that was changed, whatever was published under the old one', async () => {
    await story.end()
    const next = await story.start({ settings: { trustDomain: 'new.example' } })
    await story.untilQuiet(next)
    expect(await story.isReady()).toBe(true)
    expect(await story.publishedKeyIDs()).not.toEqual(before.kids)
  })
})

describe('a ring encrypted at rest', () => {
  const kek = (id: string) => `${id}:${randomBytes(32).toString('base64')}`
  const [first, second] = [kek('first'), kek('second')]
  const encryptionOf = (...lines: string[]) => parseKeyEncryptionKeys(lines.join('\n'))

  it('I3: is encrypted at the next reconcile, and anew under the newest key, keeping keys, seal and tokens', async () => {
    for (const [lines, id] of [
      [[first], 'first'],
      [[second, first], 'second'],
    ] as const) {
      await story.end()
      const next = await story.start({ encryption: encryptionOf(...lines) })
      await story.untilQuiet(next)
      const text = await story.ringText()
      expect(text).toContain(`"keyEncryptionKey":"${id}"`)
      for (const { privateJwk } of before.ring.slots) expect(text).not.toContain(privateJwk?.d)
      expect(decodeKeyRing(text, { encryption: encryptionOf(...lines) })).toEqual(before.ring)
      await unharmed()
    }
  })

  it('fails closed under a key that is not there, and names it', async () => {
    await story.untilQuiet(await story.start({ encryption: encryptionOf(first) }))
    const text = await story.ringText()
    await story.end()
    const next = await story.start({ encryption: encryptionOf(second) })
    await story.untilQuiet(next)
    const condition = await story.condition('KeysReady')
    expect(condition).toMatchObject({ status: 'False', reason: 'KeyEncryptionKeyUnknown' })
    expect(condition?.message).toContain('key-encryption key first is needed')
    expect(await story.ringText()).toBe(text)
    await unharmed()
  })

  it('is not overwritten by a leader that lacks the key of a newer one', async () => {
    await story.untilQuiet(await story.start({ encryption: encryptionOf(first) }))
    const text = await story.ringText()
    await story.untilQuiet(controller)
    expect(await story.ringText()).toBe(text)
    expect(await story.condition('KeysReady')).toMatchObject({ reason: 'KeyEncryptionKeyUnknown' })
  })
})

it('I3: shows no key in any condition or Event of a ring that is wrong', async () => {
  const secrets = before.ring.slots.map(({ privateJwk }) => privateJwk?.d ?? '')
  for (const [, , attack] of attacks) {
    await attack()
    await story.untilQuiet(controller)
    story.clock.advance(20 * MINUTE)
  }
  const shown = JSON.stringify([controller.events, await story.identity()])
  expect(secrets.length).toBeGreaterThan(0)
  for (const secret of secrets) expect(shown).not.toContain(secret)
})
