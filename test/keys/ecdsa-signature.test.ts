import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ecdsaFromDer, ecdsaToDer } from '../../src/keys/ecdsa-signature.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

describe('an ECDSA signature', () => {
  it.each([
    ['the sign of both numbers', '80ff', '3008' + '02020080' + '020200ff'],
    ['zeros in front', '0001', '3006' + '020100' + '020101'],
    ['numbers without either', '7f01', '3006' + '02017f' + '020101'],
  ])('has %s as DER has them', (_, jws, der) => {
    expect(ecdsaToDer(hex(jws)).toString('hex')).toBe(der)
    expect(ecdsaFromDer(hex(der), 2).toString('hex')).toBe(jws)
  })

  it.each([64, 96])('of %i bytes is the same there and back', (length) => {
    // Long runs of zeros and of set bits are where forms differ.
    const byte = fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255))
    fc.assert(
      fc.property(fc.array(byte, { minLength: length, maxLength: length }), (bytes) => {
        const signature = Buffer.from(bytes)
        expect(ecdsaFromDer(ecdsaToDer(signature), length)).toEqual(signature)
      }),
    )
  })

  it.each(['P-256', 'P-384'])('is converted as node:crypto does it, on %s', (namedCurve) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    const length = namedCurve === 'P-256' ? 64 : 96
    for (let round = 0; round < 50; round += 1) {
      const data = Buffer.from(`round ${round}`)
      const der = sign('sha256', data, privateKey)
      const jws = ecdsaFromDer(der, length)
      expect(ecdsaToDer(jws)).toEqual(der)
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, jws)).toBe(true)
    }
  })

  it.each([
    ['nothing', ''],
    ['another type', '3106020101020101'],
    ['another length', '3007020101020101'],
    ['one number', '3003020101'],
    ['three numbers', '3009020101020101020101'],
    ['a number that is none', '3006040101020101'],
    ['a number that is too long', '300702020101020101'],
    ['a number beyond the end', '3006020101020501'],
  ])('is not made of %s', (_, der) => {
    expect(() => ecdsaFromDer(hex(der), 2)).toThrow(TypeError)
  })
})
