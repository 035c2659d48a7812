import { randomBytes } from 'node:crypto'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { parseKeyEncryptionKeys, type KeyEncryptionKeys } from '../../../src/keys/key-ring/encryption.ts'
import type { SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { encodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import { SecretIssuingKeyRingSource } from '../../../src/kube/keys/issuing-key-ring-source.ts'
import type { HttpKubeClient } from '../../../src/kube/client/http-client.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { type Secret, secretValue } from '../../../src/kube/secrets/secret-codec.ts'
import { silentLogger } from '../../../src/logger.ts'
import { issuingRingRef } from '../../builders/issuing-keys-controller.ts'
import { authorityRing, authoritySlot } from '../../builders/authority-ring.ts'
import { eventually } from '../../builders/eventually.ts'
import { fakeCluster } from '../../fakes/api-server-fixture.ts'
import type { FakeApiServer } from '../../fakes/api-server.ts'

const namespace = 'signet-system'
const encryption = parseKeyEncryptionKeys(`kek:${randomBytes(32).toString('base64')}`)

let fake: FakeApiServer
let client: HttpKubeClient
let ring: SealedKeyRing

beforeEach(async () => {
  ;({ fake, client } = await fakeCluster())
  ring = await authorityRing([await authoritySlot()])
})

const put = (text: string, name = issuingRingRef.name) =>
  fake.put<Secret>(resources.secrets, { metadata: { name, namespace }, data: { 'ring.json': secretValue(text) } })

async function started(keys?: KeyEncryptionKeys): Promise<SecretIssuingKeyRingSource> {
  const source = new SecretIssuingKeyRingSource({ client, namespace, encryption: keys, logger: silentLogger })
  const stop = new AbortController()
  const running = source.reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  await source.reflector.synced()
  return source
}

it('I3: asks for the one Secret by its name, in its namespace, and has no other in memory', async () => {
  put(encodeKeyRing(ring))
  put(encodeKeyRing(ring), 'signet-keys.shop.orders')
  const source = await started()
  expect(source.ring()).toEqual(ring)
  const held = [...source.reflector.store.values()].map(({ metadata }) => metadata.name)
  expect(held).toEqual([issuingRingRef.name])
  expect(fake.requests.length).toBeGreaterThan(0)
  for (const { path, query } of fake.requests) {
    expect(path).toBe('/api/v1/namespaces/signet-system/secrets')
    expect(query).toMatchObject({ fieldSelector: 'metadata.name=signet-keys.authority' })
  }
})

it('follows what is stored, and gives the same object while that has not changed', async () => {
  const source = await started()
  expect(source.ring()).toBeUndefined()
  let changes = 0
  const stop = source.onChange(() => {
    changes += 1
  })
  put(encodeKeyRing(ring))
  await eventually(() => expect(changes).toBe(1))
  expect(source.ring()).toBe(source.ring())
  fake.remove(resources.secrets, issuingRingRef)
  await eventually(() => expect(changes).toBe(2))
  expect(source.ring()).toBeUndefined()
  stop()
  put(encodeKeyRing(ring))
  await eventually(() => expect(source.ring()).toEqual(ring))
  expect(changes).toBe(2)
})

it('knows when the ring was last confirmed, which is never before the first list', async () => {
  const unread = new SecretIssuingKeyRingSource({ client, namespace, encryption: undefined, logger: silentLogger })
  expect(unread.confirmedAt()).toBeUndefined()
  const source = await started()
  const before = source.confirmedAt() ?? Number.NaN
  expect(before).toBeLessThanOrEqual(performance.now())
  const during: unknown[] = []
  source.onChange(() => during.push(source.confirmedAt()))
  put(encodeKeyRing(ring))
  await eventually(() => expect(source.confirmedAt()).toBeGreaterThan(before))
  expect(during).toEqual([before])
})

it.each<[string, () => string, string]>([
  ['that is none', () => 'ring', 'ERR_KEY_RING_FORM'],
  ['that another writer changed', () => encodeKeyRing({ ...ring, rotationRequest: 'x' }), 'ERR_KEY_RING_SEAL'],
  ['under a key-encryption key that is not there', () => encodeKeyRing(ring, encryption), 'ERR_KEY_RING_LOCKED'],
])('refuses a ring %s, each time it is asked', async (_, text, code) => {
  put(text())
  const source = await started()
  for (let time = 0; time < 2; time += 1) expect(() => source.ring()).toThrow(expect.objectContaining({ code }))
})

it('I3: reads a ring that is encrypted at rest', async () => {
  put(encodeKeyRing(ring, encryption))
  expect((await started(encryption)).ring()).toEqual(ring)
})
