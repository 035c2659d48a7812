import { mounted, namedTokenFile } from '../pod/env.ts'
import { ExchangedToken, type ExchangeOptions } from './exchanged-token.ts'
import { FileToken } from './file-token.ts'
import type { TokenSource } from './token-source.ts'

/** The options of `tokenSource`. */
export interface TokenSourceOptions {
  /** The name of a token in the ServiceIdentity: reads `<name>.jwt` in `SIGNET_DIR`. */
  readonly name?: string
  /** Path of the token file. Default: `SIGNET_TOKEN_FILE`, the identity's first token. */
  readonly file?: string
  /** Requests a token from the authority in exchange for the pod's ServiceAccount token (RFC 8693). */
  readonly exchange?: ExchangeOptions
}

/**
 * Creates the source of the service's own token: a mounted file, read again at most once a second so that a rotation takes
 * effect, or with `exchange` a token from the authority that is renewed before it expires. Give at most one of the options.
 * Throws a TypeError for invalid options.
 *
 * @example
 * ```ts
 * const payments = tokenSource({ name: 'payments' })
 * await fetch(url, { headers: { authorization: `Bearer ${await payments.token()}` } })
 * ```
 */
export function tokenSource({ name, file, exchange }: TokenSourceOptions = {}): TokenSource {
  if ([name, file, exchange].filter((one) => one !== undefined).length > 1) {
    throw new TypeError('give only one of name, file and exchange')
  }
  const pod = mounted()
  if (exchange !== undefined) return new ExchangedToken(exchange, pod)
  return new FileToken({ file: file ?? (name === undefined ? pod.tokenFile : namedTokenFile(pod.directory, name)) })
}
