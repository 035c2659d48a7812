import { webcrypto } from 'node:crypto'
import { HOUR } from '../../src/time/duration.ts'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '../../src/certificates/x509.ts'

/** A certificate with these names, signed by itself, DER; times in milliseconds since the epoch. */
export async function clientCertificate({
  uris,
  dnsNames = [],
  notBefore = Date.now() - HOUR,
  notAfter = Date.now() + HOUR,
}: {
  readonly uris: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly notBefore?: number
  readonly notAfter?: number
}): Promise<Uint8Array> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const names = [
    ...uris.map((value) => ({ type: 'url' as const, value })),
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
  ]
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test',
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: algorithm,
    keys,
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)],
  })
  return new Uint8Array(certificate.rawData)
}
