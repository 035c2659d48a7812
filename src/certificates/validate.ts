import { createPrivateKey, X509Certificate } from 'node:crypto'
import { CertificateError, certificatesOfPem, splitPem } from './pem.ts'
import {
  AuthorityKeyIdentifierExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as ParsedCertificate,
} from './x509.ts'

/** The content of a certificate. Nothing is verified. */
export interface CertificateInfo {
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** Hexadecimal, lower case. */
  readonly serialNumber: string
  /** Key identifiers of the issuer and of the certificate, hexadecimal; absent if the certificate has none. */
  readonly issuerKeyId?: string
  readonly subjectKeyId?: string
}

/** Reads the first certificate of a PEM text. Throws CertificateError with `ERR_CERTIFICATE_FORM`. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = parseCertificate(pem)
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const issuerKeyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId
  const subjectKeyId = certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId
  return {
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    dnsNames: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
    uris: names.filter(({ type }) => type === 'url').map(({ value }) => value),
    serialNumber: certificate.serialNumber.toLowerCase(),
    ...(issuerKeyId === undefined ? {} : { issuerKeyId }),
    ...(subjectKeyId === undefined ? {} : { subjectKeyId }),
  }
}

/** Whether a CA signed a certificate. Throws CertificateError if either cannot be read. */
export function isIssuedBy(leafPem: string, caPem: string): boolean {
  const leaf = readCertificate(leafPem)
  const ca = readCertificate(caPem)
  return ca.ca && leaf.checkIssued(ca) && leaf.verify(ca.publicKey)
}

export interface CertificateExpectations {
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** CAs in PEM, one of which must have issued the certificate. */
  readonly trustBundle: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The names that the certificate must have, exactly these, in any order. */
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
}

/**
 * Why a leaf certificate and its key cannot be used: unreadable, not valid now, other names, another key, a CA, or issued
 * by no CA of the bundle. Undefined if they can be used. Never throws, so that no message quotes the key.
 */
export function certificateProblem(expected: CertificateExpectations): string | undefined {
  const { certificatePem, privateKeyPem, trustBundle, now, dnsNames, uris } = expected
  try {
    const info = certificateInfo(certificatePem)
    const certificate = readCertificate(certificatePem)
    if (now < info.notBefore) return 'certificate is not valid yet'
    if (now >= info.notAfter) return 'certificate has expired'
    if (!sameNames(info.dnsNames, dnsNames) || !sameNames(info.uris, uris)) return 'certificate has other names'
    if (certificate.ca) return 'certificate is a CA'
    if (!belongsTo(certificate, privateKeyPem)) return 'private key is not that of the certificate'
    const cas = splitPem(trustBundle)
    const valid = cas.some((pem) => isIssuedBy(certificatePem, pem) && certificateInfo(pem).notAfter > now)
    return valid ? undefined : 'no CA of the trust bundle issued the certificate'
  } catch {
    return 'certificate cannot be read'
  }
}

function belongsTo(certificate: X509Certificate, privateKeyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKeyPem))
  } catch {
    return false
  }
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && [...one].sort().join('\n') === [...other].sort().join('\n')
}

/** OpenSSL's parser, which verifies signatures and compares keys. */
const readCertificate = (pem: string): X509Certificate => read(pem, (der) => new X509Certificate(der))

/** The parser of @peculiar/x509, which also reads extensions. */
const parseCertificate = (pem: string): ParsedCertificate => read(pem, (der) => new ParsedCertificate(der))

function read<T>(pem: string, parse: (der: Buffer) => T): T {
  const [first] = certificatesOfPem(pem)
  try {
    return parse(first ?? Buffer.alloc(0))
  } catch (cause) {
    throw new CertificateError('ERR_CERTIFICATE_FORM', 'PEM has a certificate that cannot be read', { cause })
  }
}
