/** Above any object: etcd accepts 1.5 MiB, and its JSON is far below 64 MiB. */
const longestLine = 64 * 1024 * 1024

/**
 * Calls `onLine` with each line of a stream, without the line break; empty lines are skipped. Resolves with false if
 * the stream ended within a line, true otherwise. Rejects with a RangeError for a line above 64 MiB.
 */
export async function readLines(stream: AsyncIterable<Buffer>, onLine: (line: string) => void): Promise<boolean> {
  // The pieces of a line are joined once, at its end, so that the cost of a long line stays linear.
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
