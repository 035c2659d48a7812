import { mounted, namedTokenFile } from '../pod/env.ts'
import { ExchangedToken, type ExchangeOptions } from './exchanged-token.ts'
import { FileToken } from './file-token.ts'
import type { TokenSource } from './token-source.ts'

export interface TokenSourceOptions {
  /** The name of one of the identity's tokens: the file `<name>.jwt` in `SIGNET_DIR`. */
  readonly name?: string
  /** Another file; by default `SIGNET_TOKEN_FILE`, the first token. */
  readonly file?: string
  /** Asks the authority for a token instead, with the pod's ServiceAccount token. */
  readonly exchange?: ExchangeOptions
}

/**
 * A token as it is mounted, read again as it is rotated; or with `exchange` one that the authority gives for the pod's
 * ServiceAccount token, renewed ahead of its end. Throws a TypeError for options that cannot be.
 */
export function tokenSource({ name, file, exchange }: TokenSourceOptions = {}): TokenSource {
  if ([name, file, exchange].filter((one) => one !== undefined).length > 1) {
    throw new TypeError('of name, file and exchange only one can be given')
  }
  const pod = mounted()
  if (exchange !== undefined) return new ExchangedToken(exchange, pod)
  return new FileToken({ file: file ?? (name === undefined ? pod.tokenFile : namedTokenFile(pod.directory, name)) })
}
