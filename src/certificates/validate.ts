import { createPrivateKey, X509Certificate } from 'node:crypto'
import { CertificateError, certificatesOfPem, splitPem } from './pem.ts'
import {
  AuthorityKeyIdentifierExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as ParsedCertificate,
} from './x509.ts'

/** What a certificate says, unverified. */
export interface CertificateInfo {
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** Hexadecimal, lower case. */
  readonly serialNumber: string
  /** Key identifier of the issuer and of the certificate itself, hexadecimal; absent where the certificate has none. */
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

/** Whether a certificate was signed by another, which is an authority. Throws CertificateError where one is unreadable. */
export function isIssuedBy(leafPem: string, caPem: string): boolean {
  const leaf = readCertificate(leafPem)
  const authority = readCertificate(caPem)
  return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

export interface CertificateExpectations {
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** Authorities, one of which has to have issued the certificate. */
  readonly trustBundle: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The names it has to have, neither more nor fewer, in any order. */
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
}

/**
 * Why a leaf certificate and its key cannot be used, or undefined: unreadable, not valid now, other names, another key,
 * an authority itself, or issued by nobody in the bundle. Never throws, so that nothing of a key ends up in a message.
 */
export function certificateProblem(expected: CertificateExpectations): string | undefined {
  const { certificatePem, privateKeyPem, trustBundle, now, dnsNames, uris } = expected
  try {
    const info = certificateInfo(certificatePem)
    const certificate = readCertificate(certificatePem)
    if (now < info.notBefore) return 'certificate is not valid yet'
    if (now >= info.notAfter) return 'certificate has expired'
    if (!sameNames(info.dnsNames, dnsNames) || !sameNames(info.uris, uris)) return 'certificate has other names'
    if (certificate.ca) return 'certificate is an authority'
    if (!belongsTo(certificate, privateKeyPem)) return 'private key is not that of the certificate'
    const authorities = splitPem(trustBundle)
    const valid = authorities.some((pem) => isIssuedBy(certificatePem, pem) && certificateInfo(pem).notAfter > now)
    return valid ? undefined : 'certificate is issued by no authority of the trust bundle'
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

/** For checks of signatures and keys: OpenSSL's reading. */
const readCertificate = (pem: string): X509Certificate => read(pem, (der) => new X509Certificate(der))

/** For what the certificate says: extensions too. */
const parseCertificate = (pem: string): ParsedCertificate => read(pem, (der) => new ParsedCertificate(der))

function read<T>(pem: string, parse: (der: Buffer) => T): T {
  const [first] = certificatesOfPem(pem)
  try {
    return parse(first ?? Buffer.alloc(0))
  } catch (cause) {
    throw new CertificateError('ERR_CERTIFICATE_FORM', 'PEM has a certificate that cannot be read', { cause })
  }
}
