import { readFile } from 'node:fs/promises'

/** Certificates to trust, PEM; undefined for those that Node trusts by itself. Asked before each connection. */
export type Trust = () => Promise<string | undefined>

export interface TrustOptions {
  /** PEM; `system` for the certificates that Node trusts by itself. */
  readonly ca?: string | undefined
  /** A file of PEM that is read again and again, since it is rotated. */
  readonly caFile?: string | undefined
}

/** A file that cannot be read rejects: nothing else is trusted in its place. */
export function trustOf({ ca, caFile }: TrustOptions, mountedBundle: string): Trust {
  if (ca !== undefined && caFile !== undefined) throw new TypeError('ca and caFile cannot both be given')
  if (ca === 'system') return () => Promise.resolve(undefined)
  if (ca !== undefined) return () => Promise.resolve(certificatesOf(ca, 'ca'))
  const file = caFile ?? mountedBundle
  return async () => certificatesOf(await readFile(file, 'utf8'), file)
}

/** Node takes a text without certificates for no trust at all, and says so only by the failing handshake. */
function certificatesOf(text: string, where: string): string {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new TypeError(`no certificate in ${where}`)
  return text
}
