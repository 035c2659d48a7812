import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** The certificate of each connection that had one, looked up once: a connection never changes it. */
const certificates = new WeakMap<Socket, Uint8Array | null>()

/**
 * The client certificate of a connection, DER, where the TLS layer has asked for one and verified its chain; undefined
 * otherwise, also for one that did not verify. Headers are never looked at.
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

/** An empty object stands for none. */
function rawOf(socket: TLSSocket): Uint8Array | null {
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array }
  return raw ?? null
}
