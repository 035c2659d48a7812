import { type Clock, systemClock } from '../../time/clock.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { readToken } from './read-token.ts'
import type { TokenSource } from './token-source.ts'

interface FileTokenOptions {
  readonly file: string
  readonly clock?: Clock
  /** Milliseconds until the file is read again. Default: 1 s. */
  readonly freshMs?: number
}

/**
 * A token in a file that another process renews. Calls read the file at most once a second; comparing modification
 * times would miss the symbolic links that kubelet swaps. If the file cannot be read, the last token is used until it
 * expires.
 */
export class FileToken implements TokenSource {
  readonly #file: string
  readonly #clock: Clock
  readonly #freshMs: number
  #current: { readonly token: string; readonly exp: number } | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #flight: Promise<string> | undefined

  constructor({ file, clock = systemClock, freshMs = 1000 }: FileTokenOptions) {
    this.#file = file
    this.#clock = clock
    this.#freshMs = freshMs
  }

  token(): Promise<string> {
    if (this.#current !== undefined && this.#clock.monotonic() - this.#readAt < this.#freshMs) {
      return Promise.resolve(this.#current.token)
    }
    this.#flight ??= this.#read().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  close(): void {
    this.#current = undefined
  }

  async #read(): Promise<string> {
    try {
      const token = await readToken(this.#file)
      const { exp } = decodeToken(token).claims
      this.#current = { token, exp: typeof exp === 'number' ? exp : 0 }
      this.#readAt = this.#clock.monotonic()
      return token
    } catch (error) {
      const leftMs = (this.#current?.exp ?? 0) * 1000 - this.#clock.now()
      if (this.#current === undefined || leftMs <= 0) throw error
      if (leftMs > this.#freshMs) this.#readAt = this.#clock.monotonic()
      return this.#current.token
    }
  }
}
