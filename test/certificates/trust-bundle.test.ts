import { beforeAll, describe, expect, it } from 'vitest'
import { createCertificateAuthority, issueServingCertificate } from '../../src/certificates/issue.ts'
import { joinTrustBundle, parseTrustBundle } from '../../src/certificates/trust-bundle.ts'
import { DAY } from '../../src/time/duration.ts'

const validity = { notBefore: 0, notAfter: DAY }
let old: string
let next: string
let leaf: string
let key: string

beforeAll(async () => {
  const input = { commonName: 'Signet cluster.local', trustDomain: 'cluster.local', ...validity }
  const ca = await createCertificateAuthority(input)
  old = ca.certificatePem
  key = ca.privateKeyPem
  next = (await createCertificateAuthority(input)).certificatePem
  leaf = (await issueServingCertificate({ ca, dnsNames: ['a.svc'], ...validity })).certificatePem
})

const refused = (code: string) => expect.objectContaining({ code }) as Error

describe('joinTrustBundle', () => {
  it('holds each CA once, in the order given', () => {
    expect(joinTrustBundle([old, next])).toBe(old + next)
    expect(joinTrustBundle([next, old + next, old])).toBe(next + old)
    expect(joinTrustBundle([])).toBe('')
  })

  it('gives the same text however the certificates are written', () => {
    const windows = old.replaceAll('\n', '\r\n')
    const oneLine = old.replace(
      /-----\n([^-]+)\n-----/,
      (_, body: string) => `-----\n${body.replaceAll('\n', '')}\n-----`,
    )
    expect(joinTrustBundle([`# old\n${windows}`, oneLine])).toBe(old)
  })

  it('I3: lets no private key into a bundle', () => {
    expect(() => joinTrustBundle([old, key])).toThrow(refused('ERR_CERTIFICATE_FORM'))
    expect(() => joinTrustBundle([old + key])).toThrow(refused('ERR_CERTIFICATE_FORM'))
  })

  it('lets no leaf into a bundle', () => {
    expect(() => joinTrustBundle([old, leaf])).toThrow(refused('ERR_CERTIFICATE_CA'))
  })
})

describe('parseTrustBundle', () => {
  it('gives back what was joined', () => {
    expect(parseTrustBundle(joinTrustBundle([old, next]))).toEqual([old, next])
  })

  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['text', () => 'no certificate'],
    ['a broken block', () => old.replace('-----END', '-----ENDE')],
    ['a block without its end', () => `${old}-----BEGIN CERTIFICATE-----\nAAAA\n`],
    ['a block of two kinds', () => old.replace('END CERTIFICATE', 'END X509 CRL')],
    ['bytes that are no certificate', () => old.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')],
    ['more than 256 KiB', () => old + ' '.repeat(256 * 1024)],
  ])('refuses %s', (_, text) => {
    expect(() => parseTrustBundle(text())).toThrow(refused('ERR_CERTIFICATE_FORM'))
  })
})
