import { describe, expect, it } from 'vitest'
import { DAY } from '../../src/time/duration.ts'
import { caTemplate, servingTemplate, withinCa, workloadTemplate } from '../../src/certificates/template.ts'

const validity = { notBefore: 0, notAfter: DAY }
const spiffeId = { trustDomain: 'cluster.local', namespace: 'shop', name: 'orders' }
const refused = (code: string) => expect.objectContaining({ code }) as Error

describe('caTemplate', () => {
  const input = { commonName: 'Signet cluster.local', trustDomain: 'cluster.local', ...validity }

  it('names the trust domain and nothing else (X509-SVID §2, §4.2)', () => {
    expect(caTemplate(input)).toMatchObject({
      ca: true,
      uris: ['spiffe://cluster.local'],
      dnsNames: [],
      usages: [],
    })
  })

  it.each(['', 'Cluster.Local', 'a/b', 'a b', 'a'.repeat(256)])('refuses the trust domain "%s"', (trustDomain) => {
    expect(() => caTemplate({ ...input, trustDomain })).toThrow(refused('ERR_CERTIFICATE_NAME'))
  })

  it.each(['', 'x'.repeat(65)])('refuses the common name "%s"', (commonName) => {
    expect(() => caTemplate({ ...input, commonName })).toThrow(refused('ERR_CERTIFICATE_NAME'))
  })

  it('refuses to end before it begins', () => {
    expect(() => caTemplate({ ...input, notAfter: 0 })).toThrow(refused('ERR_CERTIFICATE_VALIDITY'))
    expect(() => caTemplate({ ...input, notAfter: Number.NaN })).toThrow(refused('ERR_CERTIFICATE_VALIDITY'))
  })
})

describe('servingTemplate', () => {
  it('is for servers and carries no URI, so that it is nobody’s SVID', () => {
    const template = servingTemplate({ dnsNames: ['signet-webhook.signet-system.svc'], ...validity })
    expect(template).toMatchObject({ ca: false, uris: [], usages: ['serverAuth'] })
    expect(template.subject.commonName).toBe('signet-webhook.signet-system.svc')
  })

  it('leaves a name that is too long out of the subject', () => {
    const long = `${'a'.repeat(63)}.svc`
    expect(servingTemplate({ dnsNames: [long], ...validity }).subject).toEqual({ organization: 'Signet' })
  })

  it.each([
    [[]],
    [['']],
    [['*.svc']],
    [['UPPER.svc']],
    [['a..b']],
    [['-a.svc']],
    [['a b']],
    [['a\n']],
    [[`${'a'.repeat(64)}.svc`]],
    [['a.'.repeat(127) + 'a']],
  ])('refuses the names %j', (dnsNames) => {
    expect(() => servingTemplate({ dnsNames, ...validity })).toThrow(refused('ERR_CERTIFICATE_NAME'))
  })
})

describe('workloadTemplate', () => {
  it('carries one URI, the SPIFFE ID (X509-SVID §2)', () => {
    const template = workloadTemplate({ spiffeId, dnsNames: ['orders.shop.svc'], ...validity })
    expect(template).toMatchObject({
      ca: false,
      uris: ['spiffe://cluster.local/ns/shop/sa/orders'],
      dnsNames: ['orders.shop.svc'],
      usages: ['serverAuth', 'clientAuth'],
    })
    expect(workloadTemplate({ spiffeId, ...validity }).dnsNames).toEqual([])
  })

  it.each([{ namespace: 'shop/sa/x' }, { name: '../admin' }, { name: '' }, { trustDomain: 'Cluster.local' }])(
    'refuses the identity %j',
    (part) => {
      expect(() => workloadTemplate({ spiffeId: { ...spiffeId, ...part }, ...validity })).toThrow(
        refused('ERR_CERTIFICATE_NAME'),
      )
    },
  )
})

describe('withinCa', () => {
  const template = servingTemplate({ dnsNames: ['a.svc'], notBefore: 10, notAfter: 20 })

  it('cuts a certificate to the times of its CA (CVE-2021-32923)', () => {
    expect(withinCa(template, { notBefore: 0, notAfter: 30 })).toMatchObject({ notBefore: 10, notAfter: 20 })
    expect(withinCa(template, { notBefore: 12, notAfter: 15 })).toMatchObject({ notBefore: 12, notAfter: 15 })
  })

  it('refuses where nothing is left', () => {
    expect(() => withinCa(template, { notBefore: 0, notAfter: 10 })).toThrow(refused('ERR_CERTIFICATE_VALIDITY'))
    expect(() => withinCa(template, { notBefore: 20, notAfter: 30 })).toThrow(refused('ERR_CERTIFICATE_VALIDITY'))
  })
})
