import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, formatTime } from '../time/clock.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** A server certificate and its key, both PEM. `notAfter` in milliseconds since the epoch. */
export interface ServingPair {
  readonly cert: Buffer
  readonly key: Buffer
  readonly notAfter: number
}

interface CertificateFilesOptions {
  /** The folder of `tls.crt` and `tls.key`; it need not exist yet. */
  readonly directory: string
  /** Called with each new, valid pair. */
  readonly onPair: (pair: ServingPair) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Watches `tls.crt` and `tls.key` for new, valid content. Compares by content, because kubelet swaps a symbolic link. A
 * broken or mismatched pair never replaces the last valid one. An expired pair is served if there is no valid one, because
 * the clock may be wrong, but the server is then not ready.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions
  #pair: ServingPair | undefined
  /** The content that was checked last, or the reason why it could not be read. */
  #seen: string | undefined
  #problem = 'does not exist yet'

  constructor(options: CertificateFilesOptions) {
    this.#options = options
  }

  /** Why no valid certificate is served; undefined if one is. */
  reason(): string | undefined {
    if (this.#pair === undefined) return this.#problem
    return this.#options.clock.now() < this.#pair.notAfter ? undefined : 'has expired'
  }

  /** Reads the files once. Never rejects: problems are logged once for each new content. */
  async reload(): Promise<void> {
    const files = await readFiles(this.#options.directory)
    const content =
      'problem' in files ? files.problem : `${files.cert.toString('latin1')}\0${files.key.toString('latin1')}`
    if (content === this.#seen) return
    this.#seen = content
    try {
      if ('problem' in files) throw new TypeError(files.problem)
      const pair = checkPair(files)
      if (this.reason() === undefined && pair.notAfter <= this.#options.clock.now())
        throw new TypeError('tls.crt has expired')
      this.#serve(pair)
    } catch (error) {
      this.#keep(messageOf(error))
    }
  }

  #serve(pair: ServingPair): void {
    const { directory, onPair, logger } = this.#options
    onPair(pair)
    this.#pair = pair
    logger.info('serving certificate loaded', { directory, notAfter: formatTime(pair.notAfter) })
  }

  #keep(problem: string): void {
    const { directory, logger } = this.#options
    this.#problem = problem
    // In a new installation the files appear shortly after the process starts.
    if (this.#pair === undefined) logger.info('waiting for the serving certificate', { directory, problem })
    else logger.error('serving certificate not loaded, keeping the last one', { directory, problem })
  }
}

interface Files {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Reads both files from one `..data` folder, because kubelet may swap the link between two reads. */
async function readFiles(directory: string): Promise<Files | { problem: string }> {
  const folder = await realpath(join(directory, '..data')).catch(() => directory)
  try {
    const [cert, key] = await Promise.all([readFile(join(folder, 'tls.crt')), readFile(join(folder, 'tls.key'))])
    return { cert, key }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { problem: missing ? 'does not exist yet' : messageOf(error) }
  }
}

function checkPair({ cert, key }: Files): ServingPair {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(cert)
  } catch {
    throw new TypeError('tls.crt contains no readable certificate')
  }
  if (!belongsTo(certificate, key)) throw new TypeError('tls.key does not match tls.crt')
  return { cert, key, notAfter: Date.parse(certificate.validTo) }
}

function belongsTo(certificate: X509Certificate, key: Buffer): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    // Without the cause, which may quote the key (I3).
    return false
  }
}
