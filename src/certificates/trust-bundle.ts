import { X509Certificate } from 'node:crypto'
import { CertificateError, certificatesOfPem, encodePem } from './pem.ts'

/**
 * The CAs of a trust bundle, each as a PEM text, in order and without repetitions. Throws CertificateError with
 * `ERR_CERTIFICATE_FORM` for a block that is not a certificate, and `ERR_CERTIFICATE_CA` for a leaf certificate, which
 * some libraries would trust as a root.
 */
export function parseTrustBundle(text: string): string[] {
  return [...new Set(certificatesOfPem(text).map(caPem))]
}

/** Joins CAs and bundles into one bundle, in order and without repetitions. Throws like `parseTrustBundle`. */
export function joinTrustBundle(pems: readonly string[]): string {
  return [...new Set(pems.flatMap(parseTrustBundle))].join('')
}

function caPem(der: Buffer): string {
  let ca: boolean
  try {
    ca = new X509Certificate(der).ca
  } catch (cause) {
    throw new CertificateError('ERR_CERTIFICATE_FORM', 'trust bundle has a certificate that cannot be read', { cause })
  }
  if (!ca) throw new CertificateError('ERR_CERTIFICATE_CA', 'trust bundle has a certificate that is not a CA')
  return encodePem('CERTIFICATE', der)
}
