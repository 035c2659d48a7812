/** No object is larger: etcd takes 1.5 MiB, and JSON of it stays far below this. */
const longestLine = 64 * 1024 * 1024

/**
 * Calls `onLine` with each line of a stream, without its line break. True where the stream ended after a whole line,
 * false where a last one was cut off. A RangeError for a line beyond any bound.
 */
export async function readLines(stream: AsyncIterable<Buffer>, onLine: (line: string) => void): Promise<boolean> {
  // Pieces of a line are joined once, when it is whole, so that a long line costs no more than its length.
  let pieces: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const rest = chunk.subarray(start, end)
      const line = pieces.length === 0 ? rest : Buffer.concat([...pieces, rest])
      pieces = []
      length = 0
      start = end + 1
      if (line.length > 0) onLine(line.toString('utf8'))
    }
    if (start < chunk.length) {
      pieces.push(chunk.subarray(start))
      length += chunk.length - start
      if (length > longestLine) throw new RangeError(`a line is longer than ${longestLine} bytes`)
    }
  }
  return length === 0
}
