/** Most elements of a list: a cluster has as many slots, and nothing else that is asked for has more. */
const mostElements = 16_384
/** Longer than the length of anything. */
const longestHeader = 24
const lineEnd = 0x0a

/**
 * What a connection receives (RESP 2), looked at before the client library reads it: that reserves room for as many
 * elements as a list says to have, so that one line would exhaust the memory.
 */
export class ReplyShape {
  /** How many bytes of a string are still to come, with the end of its line. */
  #rest = 0
  /** How the line begins that is under way. */
  #header = ''

  /** What no answer to this client is; undefined where the bytes may be one. Not to be called again after that. */
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
      const room = longestHeader - this.#header.length
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
    if (kind === '*' && isCount(count) && count <= mostElements) return undefined
    return 'it answers as no Redis does'
  }
}

/** -1 stands for nothing. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= -1
}
