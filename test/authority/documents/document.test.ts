import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { renderDocument } from '../../../src/authority/documents/document.ts'

describe('renderDocument', () => {
  it('keeps a document that fits into one packet uncompressed, in memory of its own', async () => {
    const { plain, gzip } = await renderDocument(`"${'a'.repeat(1021)}"`)
    expect(plain.body).toHaveLength(1023)
    expect(plain.body.buffer.byteLength).toBe(1023)
    expect(gzip).toBeUndefined()
  })

  it('compresses a larger one, under a validator of its own (RFC 9110 §8.8.3.3)', async () => {
    const text = `"${'a'.repeat(1022)}"`
    const { plain, gzip } = await renderDocument(text)
    expect(plain.body.toString()).toBe(text)
    expect(gunzipSync(gzip?.body ?? Buffer.of()).toString()).toBe(text)
    expect(plain.etag).toMatch(/^"[A-Za-z0-9_-]{22}"$/)
    expect(gzip?.etag).toBe(plain.etag.replace(/"$/, '-gzip"'))
  })

  it('gives equal texts equal validators and others others', async () => {
    const [one, again, other] = await Promise.all(['{"a":1}', '{"a":1}', '{"a":2}'].map((text) => renderDocument(text)))
    expect(one?.plain.etag).toBe(again?.plain.etag)
    expect(one?.plain.etag).not.toBe(other?.plain.etag)
  })
})
