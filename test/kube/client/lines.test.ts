import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLines } from '../../../src/kube/client/lines.ts'

async function* chunked(text: string, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  let start = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.min(cut, bytes.length)
    yield bytes.subarray(start, end)
    start = Math.max(start, end)
  }
  yield bytes.subarray(start)
}

describe('readLines', () => {
  it('gives the same lines wherever the stream is cut, within characters too', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'))
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(200)), async (lines, cuts) => {
        const seen: string[] = []
        const text = lines.map((one) => `${one}\n`).join('')
        expect(await readLines(chunked(text, cuts), (one) => seen.push(one))).toBe(true)
        expect(seen).toEqual(lines)
      }),
    )
  })

  it('says that the last line was cut off, and passes over empty ones', async () => {
    const seen: string[] = []
    expect(await readLines(chunked('a\n\nb', []), (line) => seen.push(line))).toBe(false)
    expect(seen).toEqual(['a'])
  })

  it('refuses a line without end', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(8 * 1024 * 1024, 'x')
    }
    await expect(readLines(endless(), () => undefined)).rejects.toThrow(RangeError)
  })
})
