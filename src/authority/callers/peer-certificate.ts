import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Certificates by connection, read once each: a connection never changes its certificate. */
const certificates = new WeakMap<Socket, Uint8Array | null>()

/**
 * The client certificate of a connection, DER, if the TLS layer requested one and verified its chain; undefined
 * otherwise. Headers are never read.
 */
export function peerCertificateOf(socket: Socket): Uint8Array | undefined {
  let known = certificates.get(socket)
  if (known === undefined) {
    known = isAuthorized(socket) ? rawOf(socket) : null
    certificates.set(socket, known)
  }
  return known ?? undefined
}

function isAuthorized(socket: Socket): socket is TLSSocket {
  return 'authorized' in socket && socket.authorized === true
}

/** Node returns an empty object for a connection without a certificate. */
function rawOf(socket: TLSSocket): Uint8Array | null {
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array }
  return raw ?? null
}
