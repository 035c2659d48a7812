import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { combinedRevocations } from '../../../src/authority/revocation/combined-revocations.ts'
import { DeletedIdentities } from '../../../src/authority/revocation/deleted-identities.ts'
import { VerificationKeys } from '../../../src/authority/verification/verification-keys.ts'
import { HOUR, SECOND } from '../../../src/time/duration.ts'
import { silentLogger } from '../../../src/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { SkewedClock } from '../../fakes/skewed-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { FakeRevocations } from '../../fakes/revocations.ts'
import { FakeSource, keysOf } from '../../fakes/public-key-source.ts'

const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
const orders = keysOf('shop/orders', keys.ES256.publicJwk)
const rotated = keysOf('shop/orders', keys.ES256.publicJwk, keys.RS256.publicJwk)
const successor = { ...keysOf('shop/orders', keys.other.publicJwk), uid: 'another' }
const payments = keysOf('shop/payments', keys.EdDSA.publicJwk)

let source: FakeSource
let clock: HeldClock
let skewed: SkewedClock
let known: VerificationKeys
let deleted: DeletedIdentities
beforeEach(() => {
  source = new FakeSource()
  clock = new HeldClock(Date.parse('2026-06-01T00:00:00.400Z'))
  skewed = new SkewedClock(clock)
  known = new VerificationKeys({ source, logger: silentLogger, interval: 0 })
  deleted = new DeletedIdentities({ keys: known, trustDomain: 'cluster.local', clock: skewed })
  onTestFinished(() => {
    deleted.close()
    known.close()
  })
})
const show = async (...identities: Parameters<FakeSource['set']>[0]) => {
  const told = vi.fn()
  const stop = known.onChange(told)
  source.set(identities)
  await eventually(() => expect(told).toHaveBeenCalled())
  stop()
}
const after = (milliseconds: number) => {
  clock.advance(milliseconds)
  deleted.tick()
  return deleted.list()
}
const second = () => Math.floor(clock.now() / SECOND)
const signedAt = (iat: number) => ({ keyID: 'own', claims: { sub, jti: 't', iat } })

describe('keys that are known', () => {
  it('are those of the source, by kid, of identities that exist', async () => {
    expect(known.ready()).toBe(false)
    await show(orders, payments)
    expect(known.ready()).toBe(true)
    expect(known.key(keys.ES256.keyID)).toBe(orders.keys[0])
    expect(known.key('none')).toBeUndefined()
    expect(known.exists({ namespace: 'shop', name: 'orders' })).toBe(true)
    await show(payments)
    expect(known.key(keys.ES256.keyID)).toBeUndefined()
    expect(known.exists({ namespace: 'shop', name: 'orders' })).toBe(false)
  })

  it('stay known while the source starts anew, and leave out what may not be published', async () => {
    await show(orders)
    source.setReady(false)
    expect(known.ready()).toBe(true)
    expect(known.key(keys.ES256.keyID)).toBeDefined()
    const foreign = { identity: { namespace: 'evil', name: 'orders' }, keys: successor.keys }
    await show(orders, foreign)
    expect(known.key(keys.other.keyID)).toBeUndefined()
  })
})

it('I6: an identity exists as soon as it is observed, before its keys have been read', async () => {
  const slow = new VerificationKeys({ source, logger: silentLogger, interval: HOUR })
  onTestFinished(() => slow.close())
  source.set([payments])
  await eventually(() => expect(slow.ready()).toBe(true))
  const name = { namespace: 'shop', name: 'orders' }
  expect(slow.exists(name)).toBe(false)
  source.set([payments, orders])
  expect([slow.exists(name), slow.isBehind()]).toEqual([true, true])
})

describe('keys that are not known', () => {
  /** Whatever is to be read has been read by then. */
  const turns = () => new Promise((resolve) => setTimeout(resolve, 20))

  it('I6: are those of a source that has told only some so far', async () => {
    const early = new FakeSource()
    early.version = 1
    const unready = new VerificationKeys({ source: early, logger: silentLogger, interval: 0 })
    await turns()
    expect(unready.ready()).toBe(false)
    early.set([orders])
    await eventually(() => expect(unready.ready()).toBe(true))
    unready.close()
  })

  it('I4: are those of an older version: a set never moves backwards', async () => {
    await show(orders)
    source.set([payments], source.version - 1)
    await turns()
    expect(known.exists({ namespace: 'shop', name: 'orders' })).toBe(true)
  })
})

describe('a deleted identity', () => {
  it('revokes what was issued until then and a few seconds more, for as long as that lives', async () => {
    await show(orders, payments)
    const before = second()
    await show(payments)
    expect(after(9 * SECOND)).toEqual([])
    const { version } = deleted
    const [entry, ...more] = after(SECOND)
    expect(more).toEqual([])
    expect(entry).toEqual({ sub, issued_before: before + 6, exp: before + 1 + 15 + HOUR / SECOND })
    expect(deleted.version).toBeGreaterThan(version)
    expect(deleted.has(signedAt(before + 5))).toBe(true)
    expect(deleted.has(signedAt(before + 6))).toBe(false)
    expect(after(HOUR)).toHaveLength(1)
    expect(after(16 * SECOND)).toEqual([])
    expect(deleted.has(signedAt(before))).toBe(false)
  })

  it.each([
    ['ahead', HOUR * 2],
    ['back', -HOUR * 2],
  ])('I5: is forgotten by the time that passes, and not because the clock jumps %s', async (_, jump) => {
    await show(orders, payments)
    const before = second()
    await show(payments)
    skewed.ahead = jump
    expect(after(10 * SECOND)).toHaveLength(1)
    expect(deleted.has(signedAt(before))).toBe(true)
    expect(after(HOUR + 6 * SECOND)).toEqual([])
  })

  it('I1: that comes back with its keys was not deleted, and revokes nothing', async () => {
    await show(orders)
    await show(payments)
    expect(after(5 * SECOND)).toEqual([])
    await show(rotated, payments)
    expect(after(HOUR / 2)).toEqual([])
    await show(payments)
    expect(after(20 * SECOND)).toHaveLength(1)
    await show(orders, payments)
    expect(deleted.list()).toEqual([])
    expect(deleted.has(signedAt(0))).toBe(false)
  })

  it('I1: whose name is reused revokes what was issued before, and nothing of its successor', async () => {
    await show(orders)
    const at = second()
    await show(payments)
    clock.advance(2 * SECOND)
    await show(successor, payments)
    expect(deleted.list()).toMatchObject([{ sub, issued_before: at }])
    expect(deleted.has(signedAt(at - 1))).toBe(true)
    expect(deleted.has(signedAt(at))).toBe(false)
  })

  it('I5: revokes what was issued before, where nobody has seen that it was gone in between', async () => {
    await show(orders)
    clock.advance(2 * SECOND)
    const at = second()
    await show(successor)
    expect(deleted.list()).toEqual([{ sub, issued_before: at, exp: at + 1 + 15 + HOUR / SECOND }])
    expect(deleted.has(signedAt(at - 1))).toBe(true)
    expect(deleted.has(signedAt(at))).toBe(false)
    expect(after(HOUR + 15 * SECOND)).toEqual([])
  })

  it('I5: stays revoked whatever becomes of its successor and of the public keys of that', async () => {
    await show(orders)
    const at = second()
    await show(payments)
    clock.advance(2 * SECOND)
    await show(successor, payments)
    clock.advance(60 * SECOND)
    await show(payments)
    expect(after(SECOND)).toMatchObject([{ sub, issued_before: at }])
    expect(deleted.has(signedAt(at - 1))).toBe(true)
    // It comes back: another hand had deleted its keys, or replaced them all.
    await show({ ...successor, keys: rotated.keys }, payments)
    expect(after(20 * SECOND)).toMatchObject([{ sub, issued_before: at }])
    // The successor is deleted as well, and listed in place of the first.
    const later = second()
    await show(payments)
    expect(after(20 * SECOND)).toMatchObject([{ sub, issued_before: later + 6 }])
    expect(deleted.has(signedAt(later))).toBe(true)
    expect(deleted.has(signedAt(later + 6))).toBe(false)
  })

  it.each([
    ['whose keys change', { ...orders, keys: successor.keys }],
    ['of which it is not said any more whose keys they are', { ...successor, uid: undefined }],
  ])('is not one %s', async (_, changed) => {
    await show(orders)
    await show(changed)
    await show(rotated)
    expect(after(20 * SECOND)).toEqual([])
  })
})

describe('all revocations', () => {
  it('are those of each source, ready when all are, under a version that grows with each', () => {
    const [one, other] = [new FakeRevocations(), new FakeRevocations()]
    const all = combinedRevocations(one, other)
    const told = vi.fn()
    const stop = all.onChange(told)
    const versions = [all.version]
    one.set({ sub, jti: 'a', exp: 1 })
    versions.push(all.version)
    other.set({ sub, jti: 'b', exp: 1 })
    versions.push(all.version)
    expect(new Set(versions).size).toBe(3)
    expect(told).toHaveBeenCalledTimes(2)
    expect(all.list().map(({ jti }) => jti)).toEqual(['a', 'b'])
    expect(all.list()).toBe(all.list())
    expect(all.has({ keyID: 'k', claims: { sub, jti: 'b', iat: 1 } })).toBe(true)
    other.setReady(false)
    expect(all.ready()).toBe(false)
    stop()
    one.set()
    expect(told).toHaveBeenCalledTimes(2)
  })
})
