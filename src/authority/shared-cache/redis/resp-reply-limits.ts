/** The maximum number of elements in a list: the number of slots in a cluster, the longest requested list. */
const maxElements = 16_384
/** The maximum length of a header line, in bytes: longer than any length in decimal. */
const maxHeader = 24
const lineEnd = 0x0a

/**
 * Checks the replies of a connection (RESP 2) before ioredis reads them. ioredis allocates as many elements as a list
 * declares, so one line could exhaust the memory.
 */
export class ReplyLimits {
  /** The number of bytes until the end of the current string, its line break included. */
  #rest = 0
  /** The beginning of the current line. */
  #header = ''

  /** Why the bytes are not a valid reply; undefined if they may be one. After a problem, do not call it again. */
  problemIn(chunk: Buffer): string | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, chunk.length - at)
        this.#rest -= skipped
        at += skipped
        continue
      }
      const end = chunk.indexOf(lineEnd, at)
      const stop = end === -1 ? chunk.length : end
      const room = maxHeader - this.#header.length
      this.#header += chunk.toString('latin1', at, Math.min(stop, at + room))
      at = stop + 1
      if (end === -1) return undefined
      const problem = this.#endLine()
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #endLine(): string | undefined {
    const [kind = ''] = this.#header
    const count = Number(this.#header.slice(1))
    this.#header = ''
    if (kind === '+' || kind === '-' || kind === ':') return undefined
    if (kind === '$' && isCount(count)) {
      if (count >= 0) this.#rest = count + 2
      return undefined
    }
    if (kind === '*' && isCount(count) && count <= maxElements) return undefined
    return 'invalid Redis protocol'
  }
}

/** -1 stands for null. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= -1
}
