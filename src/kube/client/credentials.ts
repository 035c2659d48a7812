import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { type KubeCredential, KubeConfigError, type KubeConfiguration } from './kubeconfig.ts'

/**
 * Caches the token and certificates. Reads them at first use, again after a minute, and on demand after a 401 or a
 * certificate that does not verify. Keeps the last valid ones if a read fails. Concurrent callers share a read.
 */
export class Credentials {
  readonly #configuration: KubeConfiguration
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #refreshMs: number
  #known: KubeCredential | undefined
  #readAt = 0
  #reading: Promise<KubeCredential> | undefined

  constructor(
    configuration: KubeConfiguration,
    options: { clock?: Clock | undefined; logger?: Logger | undefined; refreshMs?: number | undefined } = {},
  ) {
    this.#configuration = configuration
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#refreshMs = options.refreshMs ?? 60_000
  }

  /** Rejects only if no read has ever succeeded. */
  current(): Promise<KubeCredential> {
    if (this.#known === undefined || this.#clock.monotonic() - this.#readAt >= this.#refreshMs) return this.reload()
    return Promise.resolve(this.#known)
  }

  reload(): Promise<KubeCredential> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<KubeCredential> {
    try {
      this.#known = await read(this.#configuration)
    } catch (error) {
      if (this.#known === undefined) throw error
      this.#logger.warn('cannot read credentials, keeping the previous ones', { reason: messageOf(error) })
    }
    this.#readAt = this.#clock.monotonic()
    return this.#known
  }
}

async function read(configuration: KubeConfiguration): Promise<KubeCredential> {
  const { authenticate, caFile, tokenFile, cert, key } = configuration
  const ca = caFile === undefined ? configuration.ca : await readText(caFile)
  if (authenticate !== undefined) {
    const credential = await authenticate()
    return { ...credential, ca: credential.ca ?? ca }
  }
  // Token files usually end in a line break, which a header must not contain.
  const token = (tokenFile === undefined ? configuration.token : await readText(tokenFile))?.trim()
  return { headers: token === undefined ? {} : { authorization: `Bearer ${token}` }, ca, cert, key }
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new KubeConfigError(`cannot read ${file}: ${messageOf(error)}`, { cause: error })
  })
  // Kubelet replaces files atomically; an empty file is the unfinished write of another program.
  if (text.trim() === '') throw new KubeConfigError(`cannot use ${file}: it is empty`)
  return text
}
