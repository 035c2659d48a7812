import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createCertificateAuthority,
  type IssuedCertificate,
  issueServingCertificate,
  issueWorkloadCertificate,
} from '../../src/certificates/issue.ts'
import { certificateInfo, isIssuedBy } from '../../src/certificates/validate.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'

const run = promisify(execFile)
// Certificates say whole seconds, and OpenSSL judges by the clock of the machine.
const now = Math.floor(Date.now() / 1000) * 1000
const validity = { notBefore: now - HOUR, notAfter: now + 30 * DAY }
const spiffeId = { trustDomain: 'cluster.local', namespace: 'shop', name: 'orders' }
const dnsNames = ['signet-webhook.signet-system.svc', 'signet-webhook.signet-system.svc.cluster.local']

let directory: string
let ca: IssuedCertificate
let serving: IssuedCertificate
let workload: IssuedCertificate

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-certificates-'))
  ca = await createCertificateAuthority({
    commonName: 'Signet cluster.local',
    trustDomain: 'cluster.local',
    ...validity,
    notAfter: now + 365 * DAY,
  })
  serving = await issueServingCertificate({ ca, dnsNames, ...validity })
  workload = await issueWorkloadCertificate({ ca, spiffeId, dnsNames: ['orders.shop.svc'], ...validity })
  const files = { ca, serving, workload }
  await Promise.all(
    Object.entries(files).map(([name, { certificatePem }]) =>
      writeFile(join(directory, `${name}.pem`), certificatePem),
    ),
  )
})
afterAll(() => rm(directory, { recursive: true }))

const text = async (name: string): Promise<string> =>
  (await run('openssl', ['x509', '-in', join(directory, `${name}.pem`), '-noout', '-text'])).stdout

describe('createCertificateAuthority', () => {
  it('signs itself, and leaves only (RFC 5280 §4.2.1.3, §4.2.1.9)', async () => {
    const certificate = new X509Certificate(ca.certificatePem)
    expect(certificate.ca).toBe(true)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.subject).toBe('CN=Signet cluster.local')
    const shown = await text('ca')
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
    expect(shown).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
    expect(shown).not.toContain('Extended Key Usage')
    expect(certificateInfo(ca.certificatePem).uris).toEqual(['spiffe://cluster.local'])
  })

  it('makes a key of its own each time', async () => {
    const input = { commonName: 'x', trustDomain: 'cluster.local', ...validity }
    const [one, other] = await Promise.all([createCertificateAuthority(input), createCertificateAuthority(input)])
    expect(certificateInfo(one.certificatePem).subjectKeyId).not.toBe(
      certificateInfo(other.certificatePem).subjectKeyId,
    )
  })
})

describe('issueServingCertificate', () => {
  it('gives a server its names, and no authority over others', async () => {
    const shown = await text('serving')
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:FALSE/)
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature\n/)
    expect(shown).toMatch(/Extended Key Usage:\s*\n\s+TLS Web Server Authentication\n/)
    expect(certificateInfo(serving.certificatePem)).toMatchObject({ dnsNames, uris: [], ...validity })
    const certificate = new X509Certificate(serving.certificatePem)
    expect(dnsNames.map((name) => certificate.checkHost(name))).toEqual(dnsNames)
    expect(certificate.checkHost('signet-authority.signet-system.svc')).toBeUndefined()
  })
})

describe('issueWorkloadCertificate', () => {
  it('gives a workload an X.509-SVID (X509-SVID §2–5)', async () => {
    const shown = await text('workload')
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:FALSE/)
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature\n/)
    expect(shown).toMatch(/TLS Web Server Authentication, TLS Web Client Authentication/)
    expect(certificateInfo(workload.certificatePem)).toMatchObject({
      uris: ['spiffe://cluster.local/ns/shop/sa/orders'],
      dnsNames: ['orders.shop.svc'],
    })
  })

  it('refuses an identity of another trust domain than the CA’s', async () => {
    const foreign = { ...spiffeId, trustDomain: 'other.example' }
    await expect(issueWorkloadCertificate({ ca, spiffeId: foreign, ...validity })).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_CA',
    })
  })
})

describe('every leaf', () => {
  it('is accepted by OpenSSL in its strict mode, each for its purpose', async () => {
    const verify = (name: string, purpose: string) =>
      run('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        join(directory, 'ca.pem'),
        join(directory, `${name}.pem`),
      ])
    await expect(verify('serving', 'sslserver')).resolves.toMatchObject({
      stdout: expect.stringContaining('OK') as string,
    })
    await expect(verify('workload', 'sslserver')).resolves.toBeDefined()
    await expect(verify('workload', 'sslclient')).resolves.toBeDefined()
    await expect(verify('serving', 'sslclient')).rejects.toBeDefined()
  })

  it('points to the key of its CA and has a serial number of its own', () => {
    const { subjectKeyId } = certificateInfo(ca.certificatePem)
    const leaves = [serving, workload].map(({ certificatePem }) => certificateInfo(certificatePem))
    expect(subjectKeyId).toMatch(/^[0-9a-f]{40}$/)
    expect(leaves.map(({ issuerKeyId }) => issuerKeyId)).toEqual([subjectKeyId, subjectKeyId])
    expect(new Set(leaves.map(({ serialNumber }) => serialNumber)).size).toBe(2)
    // RFC 5280 §4.1.2.2: positive, at most 20 bytes.
    for (const { serialNumber } of leaves) expect(serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/)
  })

  it('comes with the PKCS #8 key of a P-256 pair of its own', () => {
    for (const { certificatePem, privateKeyPem } of [ca, serving, workload]) {
      expect(privateKeyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
      const key = createPrivateKey(privateKeyPem)
      expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
      expect(new X509Certificate(certificatePem).checkPrivateKey(key)).toBe(true)
    }
    expect(new Set([ca, serving, workload].map(({ privateKeyPem }) => privateKeyPem)).size).toBe(3)
  })

  it('never outlasts its CA', async () => {
    const long = { notBefore: now - 30 * DAY, notAfter: now + 1000 * DAY }
    const { certificatePem } = await issueServingCertificate({ ca, dnsNames, ...long })
    const { notBefore, notAfter } = certificateInfo(ca.certificatePem)
    expect(certificateInfo(certificatePem)).toMatchObject({ notBefore, notAfter })
    expect(isIssuedBy(certificatePem, ca.certificatePem)).toBe(true)
    const gone = { notBefore: now + 400 * DAY, notAfter: now + 401 * DAY }
    await expect(issueServingCertificate({ ca, dnsNames, ...gone })).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_VALIDITY',
    })
  })

  it('is not issued with the key of another CA', async () => {
    const stranger = await createCertificateAuthority({
      commonName: 'Signet cluster.local',
      trustDomain: 'cluster.local',
      ...validity,
    })
    const mixed = { certificatePem: ca.certificatePem, privateKeyPem: stranger.privateKeyPem }
    await expect(issueServingCertificate({ ca: mixed, dnsNames, ...validity })).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_CA',
    })
  })

  it('is not issued by a leaf', async () => {
    await expect(issueServingCertificate({ ca: serving, dnsNames, ...validity })).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_CA',
    })
  })

  it('I3: says nothing of a CA’s key that cannot be read', async () => {
    const error: unknown = await issueServingCertificate({
      ca: { ...ca, privateKeyPem: 'c2VjcmV0' },
      dnsNames,
      ...validity,
    }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CERTIFICATE_CA', message: 'the CA has no usable private key' })
    expect((error as Error).cause).toBeUndefined()
  })
})
