import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Revocation } from '../../../src/tokens/revocation.ts'
import {
  mergeRevocations,
  readRevocations,
  type RevocationsByName,
} from '../../../src/verifier/sources/revocation-list.ts'

const issuer = 'https://issuer.example'
const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
const text = (revocations: unknown, from: unknown = issuer): string => JSON.stringify({ issuer: from, revocations })
const read = (revocations: unknown, from: unknown = issuer) => readRevocations(text(revocations, from), issuer, 100)
const listOf = (...revocations: Revocation[]): RevocationsByName => read(revocations).list
const empty: RevocationsByName = new Map()

describe('the document of revocations', () => {
  it('is read with its three kinds', () => {
    const revocations = [
      { sub, jti: 'one', exp: 10 },
      { sub, kid: 'key', exp: 10 },
      { sub, issued_before: 5, exp: 10 },
    ]
    expect([...read(revocations).list.values()]).toEqual(revocations)
  })

  it('may be by an issuer above: revocations of the cluster hold for that of a namespace', () => {
    const list = [{ sub, jti: 'one', exp: 10 }]
    expect(readRevocations(text(list), `${issuer}/ns/shop`, 9).list.size).toBe(1)
    for (const from of ['https://issuer.exampl', 'https://other.example', 'https://', '', null, 1]) {
      expect(() => readRevocations(text(list, from), issuer, 9)).toThrow(
        expect.objectContaining({ code: 'ERR_FETCH_CONTENT' }),
      )
    }
    expect(() => read(list, `${issuer}/ns/shop`)).toThrow('another issuer')
    // That begins alike is not above.
    expect(() => readRevocations(text(list, `${issuer}/ns/sh`), `${issuer}/ns/shop`, 9)).toThrow('another issuer')
    expect(readRevocations(text(list, `${issuer}/`), `${issuer}/ns/shop`, 9).list.size).toBe(1)
  })

  it('counts entries that it does not understand', () => {
    const strange = [
      { sub, exp: 10 },
      { sub, jti: 'one', kid: 'key', exp: 10 },
      { sub, kid: '../key', exp: 10 },
      { sub, jti: 1, exp: 10 },
      { sub, jti: 'one' },
      { sub, jti: 'one', exp: '10' },
      { jti: 'one', exp: 10 },
      { sub, certificate: 'x', exp: 10 },
      null,
      'x',
    ]
    expect(read([...strange, { sub, jti: 'one', exp: 10 }])).toMatchObject({ unknown: strange.length })
    expect(read(strange).list.size).toBe(0)
  })

  it('may be as long as is kept', () => {
    expect(read(Array.from({ length: 100 }, (_, jti) => ({ sub, jti: String(jti), exp: 1 }))).list.size).toBe(100)
  })

  it.each([
    ['is no list', text({})],
    ['is missing', JSON.stringify({ issuer })],
    ['is a page', '<html>'],
    ['is longer than is kept', text(Array.from({ length: 101 }, (_, jti) => ({ sub, jti: String(jti), exp: 1 })))],
  ])('is refused where it %s', (_, document) => {
    expect(() => readRevocations(document, issuer, 100)).toThrow(expect.objectContaining({ code: 'ERR_FETCH_CONTENT' }))
  })
})

describe('a new list over the old', () => {
  const limits = { now: 1_000_000, maxEntries: 100 }
  const alive: Revocation = { sub, jti: 'alive', exp: 2000 }

  it('I5: brings no token back by leaving it out', () => {
    const held = mergeRevocations(listOf(alive), empty, limits)
    expect([...mergeRevocations(empty, held, limits).values()]).toEqual([alive])
  })

  it('I5: brings no token back by an earlier end', () => {
    const held = mergeRevocations(listOf(alive), empty, limits)
    const sooner = mergeRevocations(listOf({ ...alive, exp: 1001 }), held, limits)
    expect([...sooner.values()]).toEqual([alive])
    expect(listOf({ ...alive, exp: 1 }, alive, { ...alive, exp: 3 }).get(`jti ${sub} alive`)?.exp).toBe(2000)
  })

  it('forgets what is left out a minute after its end, as clocks differ, and what is listed never', () => {
    const held = mergeRevocations(listOf(alive), empty, limits)
    expect(mergeRevocations(empty, held, { ...limits, now: 2_059_999 }).size).toBe(1)
    expect(mergeRevocations(empty, held, { ...limits, now: 2_060_000 }).size).toBe(0)
    expect(mergeRevocations(listOf(alive), held, { ...limits, now: 9_000_000 }).size).toBe(1)
  })

  it('is bounded: what is left out and ends soonest goes first', () => {
    const old = Array.from({ length: 90 }, (_, index) => ({ sub, jti: `old-${index}`, exp: 5000 + index }))
    const fresh = Array.from({ length: 50 }, (_, index) => ({ sub, jti: `new-${index}`, exp: 2000 }))
    const merged = mergeRevocations(listOf(...fresh), listOf(...old), limits)
    expect(merged.size).toBe(100)
    expect(fresh.every(({ jti }) => merged.has(`jti ${sub} ${jti}`))).toBe(true)
    expect(merged.has(`jti ${sub} old-39`)).toBe(false)
    expect(merged.has(`jti ${sub} old-40`)).toBe(true)
  })

  it('I5: holds whatever was ever said and may be alive, over any history of lists', () => {
    const entry = fc.record({ sub: fc.constantFrom('a', 'b'), jti: fc.constantFrom('1', '2', '3'), exp: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(fc.array(entry, { maxLength: 5 }), { maxLength: 12 }), (histories) => {
        let held: RevocationsByName = empty
        histories.forEach((list, step) => {
          const now = step * 5000
          held = mergeRevocations(listOf(...list), held, { now, maxEntries: 100 })
          for (const { sub: subject, jti, exp } of histories.slice(0, step + 1).flat()) {
            if (exp * 1000 > now) expect(held.has(`jti ${subject} ${jti}`)).toBe(true)
          }
        })
      }),
    )
  })
})
