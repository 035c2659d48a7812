import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { DAY, MINUTE, SECOND } from '../../../../src/time/duration.ts'
import type { PublicJwk } from '../../../../src/keys/public-jwk.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../../../src/kube/keys/config-map-public-key-store.ts'
import { Store } from '../../../../src/kube/cache/store.ts'
import { callers, form } from '../../../fakes/callers.ts'
import { FakeSharedCache } from '../../../fakes/shared-cache.ts'
import { FakeSource, keysOf } from '../../../fakes/public-key-source.ts'
import { eventually } from '../../../builders/eventually.ts'
import { revokingReplica } from '../../../builders/revoking-replica.ts'
import { createMemoryKubeClient } from '../../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../../fakes/held-clock.ts'
import { SkewedClock } from '../../../fakes/skewed-clock.ts'
import { keys } from '../../../fixtures/keys/keys.ts'
import { issuer, makeToken, now } from '../../../builders/token.ts'

const cluster = createMemoryKubeClient()

/** A replica over the same cluster, with this for the private key of its serving certificate. */
async function replica(
  sharedCache: FakeSharedCache,
  tlsKey: string,
  clock = new HeldClock(now),
  skewed: SkewedClock = new SkewedClock(clock),
) {
  const certificateDirectory = await mkdtemp(join(tmpdir(), 'signet-authority-'))
  const write = (text: string) => writeFile(join(certificateDirectory, 'tls.key'), text)
  await write(tlsKey)
  const source = new FakeSource()
  source.set([keysOf('shop/orders', keys.ES256.publicJwk)])
  let deafSince: number | undefined
  const all = revokingReplica({
    client: { ...cluster, clockOffset: () => skewed.ahead },
    source,
    keysConfirmedAt: () => deafSince ?? clock.monotonic(),
    issuer,
    introspectors: ['edge/gateway'],
    certificateDirectory,
    sharedCache,
    clock: skewed,
  })
  const stop = new AbortController()
  const running = all.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
    all.close()
    await rm(certificateDirectory, { recursive: true })
  })
  const { introspect, revoke, documents } = all.serve(callers)
  await eventually(() => expect(all.notReady()).toBeUndefined())
  const isActive = async (token: string, caller = 'edge/gateway') =>
    (JSON.parse((await introspect(form(caller, { token }))).body) as { active: boolean }).active
  await eventually(() => isActive('x'))
  const listed = async () => {
    const document = await documents.document('')
    return (JSON.parse(document?.plain.body.toString() ?? '') as { revocations: { jti?: string }[] }).revocations
  }
  /** From now on the API server tells nothing of keys, or again. */
  const hear = (something: boolean): void => {
    deafSince = something ? undefined : clock.monotonic()
  }
  const ask = (token: string) => revoke(form('shop/orders', { token }))
  return { write, clock, source, hear, isActive, listed, revoke: ask }
}

/** As the controller would, for `orders`. */
async function publish(key: PublicJwk): Promise<void> {
  const store = new ConfigMapPublicKeyStore({
    client: cluster,
    store: new Store<ConfigMap>(),
    namespace: 'signet-system',
  })
  const wanted = { keys: [key], uid: 'uid-of-orders', ringVersion: undefined }
  await store.put({ namespace: 'shop', name: 'orders' }, undefined, wanted)
}

it('shares what it has verified under the private key of its certificate, also after that was renewed', async () => {
  const cache = new FakeSharedCache()
  const one = await replica(cache, 'first key')
  const token = await makeToken()
  expect(await one.isActive(token)).toBe(true)
  const [[name = '', first = ''] = []] = cache.entries
  await one.write('second key')
  one.clock.advance(MINUTE)
  const next = await makeToken({ claims: { jti: 'token-2' } })
  expect(await one.isActive(next)).toBe(true)
  expect(cache.entries.size).toBe(2)
  const other = await replica(cache, 'second key')
  expect(await other.isActive(token)).toBe(true)
  // Not believed under the new key, so verified and told anew.
  expect(cache.entries.get(name)).not.toBe(first)
})

it('I5: tells other replicas where a revocation is on record, who know it at once', async () => {
  const cache = new FakeSharedCache()
  const [one, other] = [await replica(cache, 'key'), await replica(cache, 'key')]
  const token = await makeToken({ claims: { jti: 'token-3' } })
  expect(await other.isActive(token)).toBe(true)
  expect(await one.revoke(token)).toMatchObject({ status: 200 })
  expect(cache.published).toHaveLength(1)
  expect(await one.isActive(token)).toBe(false)
  await eventually(async () => expect(await other.isActive(token)).toBe(false))
})

it('I5: lists on what is revoked although its clock jumps ahead: nothing is forgotten on the word of one', async () => {
  // The record is stamped by the system's clock.
  const clock = new HeldClock(Date.now())
  const skewed = new SkewedClock(clock)
  const one = await replica(new FakeSharedCache(), 'key', clock, skewed)
  const iat = Math.floor(clock.now() / SECOND)
  await one.revoke(await makeToken({ claims: { jti: 'token-4', iat, nbf: iat, exp: iat + 600 } }))
  expect(await one.listed()).toContainEqual(expect.objectContaining({ jti: 'token-4' }))
  skewed.ahead = 365 * DAY
  clock.advance(MINUTE)
  expect(await one.listed()).toContainEqual(expect.objectContaining({ jti: 'token-4' }))
})

it('I5 I6: neither takes a token for revoked nor for none whose key may not have arrived yet', async () => {
  const one = await replica(new FakeSharedCache(), 'key')
  const told = now / SECOND
  const issuedAt = (iat: number, jti: string) =>
    makeToken({ key: keys.EdDSA, claims: { jti, iat, nbf: iat, exp: iat + 600 } })
  one.hear(false)
  one.clock.advance(10 * SECOND)
  // Published, and signing since, for five seconds; the watch has not brought it.
  await publish(keys.EdDSA.publicJwk)
  const [early, late] = [await issuedAt(told - 62, 'token-5'), await issuedAt(told + 5, 'token-6')]
  await expect(one.isActive(late)).rejects.toMatchObject({ status: 503 })
  await expect(one.revoke(late)).rejects.toMatchObject({ status: 503 })
  // A key that had signed before what was told last would be here, by whichever clock.
  expect(await one.isActive(early)).toBe(false)
  expect(await one.revoke(early)).toMatchObject({ status: 200 })
  // One that is published nowhere is nobody's.
  const none = await makeToken({
    key: keys.RS256,
    claims: { jti: 'token-8', iat: told + 5, nbf: told + 5, exp: told + 60 },
  })
  expect(await one.isActive(none)).toBe(false)
  one.hear(true)
  one.source.set([keysOf('shop/orders', keys.ES256.publicJwk, keys.EdDSA.publicJwk)])
  await eventually(async () => expect(await one.isActive(late)).toBe(true))
  expect(await one.revoke(late)).toMatchObject({ status: 200 })
  expect(await one.isActive(late)).toBe(false)
})

it('I5: knows a key that was withdrawn, calls its tokens none, and revokes them should it come back', async () => {
  const one = await replica(new FakeSharedCache(), 'key')
  const iat = now / SECOND
  const [token, other] = await Promise.all(
    ['token-7', 'token-9'].map((jti) => makeToken({ claims: { jti, iat, nbf: iat, exp: iat + 600 } })),
  )
  if (token === undefined || other === undefined) throw new Error('no tokens')
  expect(await one.isActive(token)).toBe(true)
  one.hear(false)
  one.source.set([keysOf('shop/orders', keys.EdDSA.publicJwk)])
  await eventually(async () => expect(await one.isActive(token)).toBe(false))
  expect(await one.revoke(token)).toMatchObject({ status: 200 })
  one.source.set([keysOf('shop/orders', keys.ES256.publicJwk, keys.EdDSA.publicJwk)])
  await eventually(async () => expect(await one.isActive(other)).toBe(true))
  expect(await one.isActive(token)).toBe(false)
})
