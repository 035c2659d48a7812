import { readFile } from 'node:fs/promises'

/**
 * Resolves with the trusted CA certificates, PEM; undefined stands for Node's default. Called before each request.
 */
export type Trust = () => Promise<string | undefined>

/** The CA certificates that authenticate the authority. Give at most one of the options. */
export interface TrustOptions {
  /**
   * Trusted CA certificates, PEM, or `system` for Node's default ones. Default: the trust bundle mounted into the pod.
   */
  readonly ca?: string | undefined
  /** A PEM file with trusted CA certificates, read again for each request, so that a rotation takes effect. */
  readonly caFile?: string | undefined
}

/** Rejects if the file cannot be read, rather than falling back to other certificates. */
export function trustOf({ ca, caFile }: TrustOptions, mountedBundle: string): Trust {
  if (ca !== undefined && caFile !== undefined) throw new TypeError('ca and caFile cannot both be given')
  if (ca === 'system') return () => Promise.resolve(undefined)
  if (ca !== undefined) return () => Promise.resolve(certificatesOf(ca, 'ca'))
  const file = caFile ?? mountedBundle
  return async () => certificatesOf(await readFile(file, 'utf8'), file)
}

/** Node ignores a text without certificates silently; only the handshake would fail. */
function certificatesOf(text: string, where: string): string {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new TypeError(`no certificate in ${where}`)
  return text
}
