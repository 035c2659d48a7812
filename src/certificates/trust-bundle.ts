import { X509Certificate } from 'node:crypto'
import { CertificateError, certificatesOfPem, encodePem } from './pem.ts'

/**
 * The authorities of a bundle, each as PEM of its own, in their order and each once. Throws CertificateError with
 * `ERR_CERTIFICATE_FORM` for anything in it that is not a certificate and `ERR_CERTIFICATE_AUTHORITY` for one that is
 * not an authority's: a leaf in a bundle would be trusted as a root by some libraries.
 */
export function parseTrustBundle(text: string): string[] {
  return [...new Set(certificatesOfPem(text).map(authorityPem))]
}

/** One bundle of several authorities or bundles: each once, in the order given. Throws like `parseTrustBundle`. */
export function joinTrustBundle(pems: readonly string[]): string {
  return [...new Set(pems.flatMap(parseTrustBundle))].join('')
}

function authorityPem(der: Buffer): string {
  let authority: boolean
  try {
    authority = new X509Certificate(der).ca
  } catch (cause) {
    throw new CertificateError('ERR_CERTIFICATE_FORM', 'trust bundle has a certificate that cannot be read', { cause })
  }
  if (!authority)
    throw new CertificateError('ERR_CERTIFICATE_AUTHORITY', 'trust bundle has a certificate that is not an authority')
  return encodePem('CERTIFICATE', der)
}
