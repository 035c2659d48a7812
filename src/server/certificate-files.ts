import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, formatTime } from '../time/clock.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** A certificate with its key as a server presents it, both PEM, and when the certificate ends in milliseconds. */
export interface ServingPair {
  readonly cert: Buffer
  readonly key: Buffer
  readonly notAfter: number
}

interface CertificateFilesOptions {
  /** Folder with `tls.crt` and `tls.key`; it need not exist yet. */
  readonly directory: string
  /** Called with every new pair that can be served. */
  readonly onPair: (pair: ServingPair) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Reads `tls.crt` and `tls.key` again and again and hands on what is new and good. Files are compared by content,
 * since kubelet swaps a symbolic link under them. A pair that is broken or does not belong together leaves the last
 * good one in place. One that has ended is handed on and not ready: the clock may be wrong, and right again later.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions
  #pair: ServingPair | undefined
  /** What was judged last: contents, or why there are none. */
  #seen: string | undefined
  #problem = 'is not there yet'

  constructor(options: CertificateFilesOptions) {
    this.#options = options
  }

  /** Why nothing valid is served; undefined where all is well. */
  reason(): string | undefined {
    if (this.#pair === undefined) return this.#problem
    return this.#options.clock.now() < this.#pair.notAfter ? undefined : 'has ended'
  }

  /** Looks at the files once. Never rejects: what is wrong is logged, once for each new content. */
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
        throw new TypeError('tls.crt has ended')
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
    // On a fresh installation the files come a moment after the process.
    if (this.#pair === undefined) logger.info('waiting for the serving certificate', { directory, problem })
    else logger.error('serving certificate not loaded, keeping the last one', { directory, problem })
  }
}

interface Files {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Both files of the same moment: kubelet swaps `..data` between two reads at any time. */
async function readFiles(directory: string): Promise<Files | { problem: string }> {
  const folder = await realpath(join(directory, '..data')).catch(() => directory)
  try {
    const [cert, key] = await Promise.all([readFile(join(folder, 'tls.crt')), readFile(join(folder, 'tls.key'))])
    return { cert, key }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { problem: missing ? 'is not there yet' : messageOf(error) }
  }
}

function checkPair({ cert, key }: Files): ServingPair {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(cert)
  } catch {
    throw new TypeError('tls.crt has no certificate that can be read')
  }
  if (!belongsTo(certificate, key)) throw new TypeError('tls.key is not the key of tls.crt')
  return { cert, key, notAfter: Date.parse(certificate.validTo) }
}

function belongsTo(certificate: X509Certificate, key: Buffer): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    // Without the cause: it may quote the key (I3).
    return false
  }
}
