import { type Clock, systemClock } from '../../time/clock.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { readToken } from './read-token.ts'
import type { TokenSource } from './token-source.ts'

interface FileTokenOptions {
  readonly file: string
  readonly clock?: Clock
  /** Milliseconds for which what was read is handed out; 1 s by default. */
  readonly freshMs?: number
}

/**
 * A token that another process renews in a file. It is read again once a second at most and only when it is asked for:
 * comparing times of change would miss the links that kubelet swaps. Where it cannot be read, the last one serves until
 * it ends.
 */
export class FileToken implements TokenSource {
  readonly #file: string
  readonly #clock: Clock
  readonly #freshMs: number
  #held: { readonly token: string; readonly exp: number } | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #flight: Promise<string> | undefined

  constructor({ file, clock = systemClock, freshMs = 1000 }: FileTokenOptions) {
    this.#file = file
    this.#clock = clock
    this.#freshMs = freshMs
  }

  token(): Promise<string> {
    if (this.#held !== undefined && this.#clock.monotonic() - this.#readAt < this.#freshMs) {
      return Promise.resolve(this.#held.token)
    }
    this.#flight ??= this.#read().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  close(): void {
    this.#held = undefined
  }

  async #read(): Promise<string> {
    try {
      const token = await readToken(this.#file)
      const { exp } = decodeToken(token).claims
      this.#held = { token, exp: typeof exp === 'number' ? exp : 0 }
      this.#readAt = this.#clock.monotonic()
      return token
    } catch (error) {
      const leftMs = (this.#held?.exp ?? 0) * 1000 - this.#clock.now()
      if (this.#held === undefined || leftMs <= 0) throw error
      if (leftMs > this.#freshMs) this.#readAt = this.#clock.monotonic()
      return this.#held.token
    }
  }
}
