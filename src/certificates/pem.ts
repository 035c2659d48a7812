import { SignetError } from '../errors.ts'

/**
 * A certificate cannot be read, issued or trusted. Codes: `ERR_CERTIFICATE_FORM`, `ERR_CERTIFICATE_NAME`,
 * `ERR_CERTIFICATE_VALIDITY`, `ERR_CERTIFICATE_CA`. Messages never show key material.
 */
export class CertificateError extends SignetError {}

/** Longest PEM text that is read, in characters. */
const maxPemLength = 256 * 1024

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END ([A-Z0-9 ]{1,40})-----/g

/** One PEM block with lines of 64 characters (RFC 7468 §3). */
export function encodePem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The certificates of a PEM text, each as a PEM text. Throws like `certificatesOfPem`. */
export function splitPem(text: string): string[] {
  return certificatesOfPem(text).map((der) => encodePem('CERTIFICATE', der))
}

/**
 * The certificates of a PEM text in order, as DER; text between blocks is ignored. Throws CertificateError with
 * `ERR_CERTIFICATE_FORM` if the text is too long, has no certificate, or has a block of another kind: a private key must
 * not reach a published bundle (I3).
 */
export function certificatesOfPem(text: string): Buffer[] {
  if (text.length > maxPemLength)
    throw new CertificateError('ERR_CERTIFICATE_FORM', `PEM has more than ${maxPemLength} characters`)
  const blocks = [...text.matchAll(block)]
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN ').length - 1) {
    throw new CertificateError('ERR_CERTIFICATE_FORM', 'PEM has no certificate or a broken block')
  }
  return blocks.map(([, begin, body, end]) => {
    if (begin !== 'CERTIFICATE' || end !== begin) {
      throw new CertificateError('ERR_CERTIFICATE_FORM', 'PEM has a block that is not a certificate')
    }
    return Buffer.from(body ?? '', 'base64')
  })
}
