import { beforeAll, describe, expect, it } from 'vitest'
import {
  createCertificateAuthority,
  type IssuedCertificate,
  issueServingCertificate,
  issueWorkloadCertificate,
} from '../../src/certificates/issue.ts'
import {
  certificateInfo,
  certificateProblem,
  isIssuedBy,
  type CertificateExpectations,
} from '../../src/certificates/validate.ts'
import { DAY } from '../../src/time/duration.ts'

const now = Date.UTC(2026, 0, 2)
const validity = { notBefore: now, notAfter: now + 30 * DAY }
const dnsNames = ['b.svc', 'a.svc']
const spiffeId = { trustDomain: 'cluster.local', namespace: 'shop', name: 'orders' }
const input = {
  commonName: 'Signet cluster.local',
  trustDomain: 'cluster.local',
  notBefore: now,
  notAfter: now + 365 * DAY,
}

let ca: IssuedCertificate
let stranger: IssuedCertificate
let leaf: IssuedCertificate
let good: CertificateExpectations

beforeAll(async () => {
  ca = await createCertificateAuthority(input)
  stranger = await createCertificateAuthority(input)
  leaf = await issueServingCertificate({ ca, dnsNames, ...validity })
  good = {
    ...leaf,
    trustBundle: stranger.certificatePem + ca.certificatePem,
    now,
    dnsNames: ['a.svc', 'b.svc'],
    uris: [],
  }
})

describe('isIssuedBy', () => {
  it('tells authorities of the same name apart by their signature', () => {
    expect(isIssuedBy(leaf.certificatePem, ca.certificatePem)).toBe(true)
    expect(isIssuedBy(leaf.certificatePem, stranger.certificatePem)).toBe(false)
  })

  it('takes no leaf for a CA', () => {
    expect(isIssuedBy(leaf.certificatePem, leaf.certificatePem)).toBe(false)
  })

  it('refuses what cannot be read', () => {
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    expect(() => isIssuedBy(garbage, ca.certificatePem)).toThrow(
      expect.objectContaining({ code: 'ERR_CERTIFICATE_FORM' }),
    )
    expect(() => certificateInfo(garbage)).toThrow(expect.objectContaining({ code: 'ERR_CERTIFICATE_FORM' }))
  })
})

describe('certificateProblem', () => {
  it('finds nothing wrong with a certificate from its first to its last moment', () => {
    expect(certificateProblem(good)).toBeUndefined()
    expect(certificateProblem({ ...good, now: validity.notAfter - 1 })).toBeUndefined()
  })

  it('finds nothing wrong with a workload’s', async () => {
    const workload = await issueWorkloadCertificate({ ca, spiffeId, ...validity })
    const uris = ['spiffe://cluster.local/ns/shop/sa/orders']
    expect(certificateProblem({ ...good, ...workload, dnsNames: [], uris })).toBeUndefined()
  })

  it.each<[string, () => Partial<CertificateExpectations>]>([
    ['certificate is not valid yet', () => ({ now: validity.notBefore - 1 })],
    ['certificate has expired', () => ({ now: validity.notAfter })],
    ['certificate has other names', () => ({ dnsNames: ['a.svc'] })],
    ['certificate has other names', () => ({ dnsNames: ['a.svc', 'b.svc', 'c.svc'] })],
    ['certificate has other names', () => ({ dnsNames: ['a.svc', 'a.svc'] })],
    ['certificate has other names', () => ({ uris: ['spiffe://cluster.local/ns/shop/sa/orders'] })],
    ['private key is not that of the certificate', () => ({ privateKeyPem: stranger.privateKeyPem })],
    ['private key is not that of the certificate', () => ({ privateKeyPem: 'secret' })],
    ['no CA of the trust bundle issued the certificate', () => ({ trustBundle: stranger.certificatePem })],
    ['no CA of the trust bundle issued the certificate', () => ({ trustBundle: leaf.certificatePem })],
    ['certificate is a CA', () => ({ ...ca, dnsNames: [], uris: ['spiffe://cluster.local'] })],
    ['certificate cannot be read', () => ({ certificatePem: '' })],
    ['certificate cannot be read', () => ({ certificatePem: leaf.privateKeyPem })],
    ['certificate cannot be read', () => ({ trustBundle: '' })],
  ])('says that the %s', (problem, different) => {
    expect(certificateProblem({ ...good, ...different() })).toBe(problem)
  })
})
