import { encodePem } from '../../certificates/pem.ts'
import { certificateInfo, type CertificateInfo } from '../../certificates/validate.ts'
import { parseSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'

export interface ProvedByCertificate {
  readonly identity: SpiffeId
  /** When the certificate ends, in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** What each certificate says: a connection presents the same bytes with every request. */
const read = new WeakMap<Uint8Array, CertificateInfo | 'unreadable'>()

/**
 * The identity that a client certificate names (X509-SVID §5.2): its one URI is a SPIFFE ID of our form and trust domain,
 * and it is valid now, which may have changed since the handshake. Undefined otherwise. That its chain leads to the trust
 * bundle, and that it may be used by clients, the TLS layer has verified.
 */
export function certificateCaller(
  certificate: Uint8Array,
  { trustDomain, now }: { readonly trustDomain: string; readonly now: number },
): ProvedByCertificate | undefined {
  const info = infoOf(certificate)
  if (info === undefined || now < info.notBefore || now >= info.notAfter) return undefined
  const [uri = '', ...others] = info.uris
  const identity = others.length === 0 ? parseSpiffeId(uri) : undefined
  return identity?.trustDomain === trustDomain ? { identity, expiresAt: info.notAfter } : undefined
}

function infoOf(certificate: Uint8Array): CertificateInfo | undefined {
  let info = read.get(certificate)
  if (info === undefined) {
    info = parse(certificate)
    read.set(certificate, info)
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
