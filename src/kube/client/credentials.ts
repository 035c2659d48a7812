import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { type KubeCredential, KubeConfigError, type KubeConfiguration } from './kubeconfig.ts'

/**
 * Token and certificates as they are now: read at first use, again when older than a minute, and on demand after a 401
 * or a certificate that does not verify. The last good ones are kept when a read fails. One read at a time.
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

  /** Rejects only where nothing could ever be read. */
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
      this.#logger.warn('cannot read credentials, keeping the last ones', { reason: messageOf(error) })
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
  // A token file ends in a line break more often than not; a header must not.
  const token = (tokenFile === undefined ? configuration.token : await readText(tokenFile))?.trim()
  return { headers: token === undefined ? {} : { authorization: `Bearer ${token}` }, ca, cert, key }
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new KubeConfigError(`cannot read ${file}: ${messageOf(error)}`, { cause: error })
  })
  // Kubelet swaps files atomically; an empty one is somebody else's half-done write.
  if (text.trim() === '') throw new KubeConfigError(`cannot use ${file}: it is empty`)
  return text
}
