import { describe, expect, it } from 'vitest'
import { rsaWeakness } from '../../src/keys/rsa-modulus.ts'
import { keys } from '../fixtures/keys/keys.ts'

const good = Buffer.from(keys.RS256.publicJwk.n ?? '', 'base64url')
const f4 = Buffer.from([1, 0, 1])
const withLastByte = (byte: number): Buffer => Buffer.concat([good.subarray(0, -1), Buffer.from([byte])])

describe('rsaWeakness', () => {
  it('finds nothing wrong with a generated key', () => {
    expect(rsaWeakness(good, f4)).toBeUndefined()
    expect(rsaWeakness(good, Buffer.from([3]))).toBeUndefined()
  })

  it.each([
    ['2047 bits', Buffer.concat([Buffer.from([0x7f]), good.subarray(1)]), f4, /fewer than 2048/],
    ['1024 bits', good.subarray(128), f4, /fewer than 2048/],
    ['8193 bits', Buffer.concat([Buffer.from([1]), Buffer.alloc(1024, 0xff)]), f4, /more than 8192/],
    ['an even modulus', withLastByte(0x10), f4, /modulus is even/],
    ['exponent 1', good, Buffer.from([1]), /not odd and above 1/],
    ['an even exponent', good, Buffer.from([1, 0, 0]), /not odd and above 1/],
    ['an exponent of 33 bits', good, Buffer.from([1, 0, 0, 0, 1]), /more than 32 bits/],
    ['the ROCA fingerprint', rocaModulus(), f4, /CVE-2017-15361/],
  ])('refuses %s', (_, modulus, exponent, weakness) => {
    expect(rsaWeakness(modulus, exponent)).toMatch(weakness)
  })
})

/** A number of 2048 bits that is a power of 65537 modulo the product of the first 39 primes. */
function rocaModulus(): Buffer {
  let product = 1n
  let count = 0
  for (let candidate = 2n; count < 39; candidate += 1n) {
    let prime = true
    for (let factor = 2n; factor * factor <= candidate; factor += 1n) if (candidate % factor === 0n) prime = false
    if (!prime) continue
    product *= candidate
    count += 1
  }
  let power = 1n
  for (let round = 0; round < 1234; round += 1) power = (power * 65537n) % product
  const top = (2n ** 2047n / product + 1n) * product
  return Buffer.from((top + power).toString(16), 'hex')
}
