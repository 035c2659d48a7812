import { encodePem } from '../../certificates/pem.ts'
import { certificateInfo, type CertificateInfo } from '../../certificates/validate.ts'
import { parseSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'

export interface CertificateProof {
  readonly identity: SpiffeId
  /** When the certificate expires, in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Parsed certificates: a connection presents the same bytes with every request. */
const parsed = new WeakMap<Uint8Array, CertificateInfo | 'unreadable'>()

/**
 * The identity that a client certificate names (X509-SVID §5.2). Undefined unless its only URI is a SPIFFE ID of the
 * trust domain and the certificate is valid now, which may have changed since the handshake. The TLS layer has already
 * verified the chain and the extended key usage.
 */
export function certificateCaller(
  certificate: Uint8Array,
  { trustDomain, now }: { readonly trustDomain: string; readonly now: number },
): CertificateProof | undefined {
  const info = infoOf(certificate)
  if (info === undefined || now < info.notBefore || now >= info.notAfter) return undefined
  const [uri = '', ...others] = info.uris
  const identity = others.length === 0 ? parseSpiffeId(uri) : undefined
  return identity?.trustDomain === trustDomain ? { identity, expiresAt: info.notAfter } : undefined
}

function infoOf(certificate: Uint8Array): CertificateInfo | undefined {
  let info = parsed.get(certificate)
  if (info === undefined) {
    info = parse(certificate)
    parsed.set(certificate, info)
  }
  return info === 'unreadable' ? undefined : info
}

function parse(certificate: Uint8Array): CertificateInfo | 'unreadable' {
  try {
    return certificateInfo(encodePem('CERTIFICATE', Buffer.from(certificate)))
  } catch {
    return 'unreadable'
  }
}
