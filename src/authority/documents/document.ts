import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** One encoding of a document. Holds no headers: there are tens of thousands of documents in memory. */
export interface Representation {
  readonly etag: string
  readonly body: Buffer
}

/** A rendered document in memory. */
export interface Document {
  readonly plain: Representation
  /** Absent if the document is small or compression does not make it smaller. */
  readonly gzip?: Representation
}

const compress = promisify(gzip)

/** Shorter documents fit into one packet uncompressed, in bytes. */
const minCompressedBytes = 1024

/** The `max-age` of documents, in seconds. */
export const maxAge = 300

/** Renders a document; compresses it on the thread pool if it is long enough. */
export async function renderDocument(text: string): Promise<Document> {
  const body = bytesOf(text)
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  const plain = { etag: `"${hash}"`, body }
  if (body.length < minCompressedBytes) return { plain }
  const compressed = await compress(body)
  if (compressed.length >= body.length) return { plain }
  // A strong validator names bytes, so each encoding has its own (RFC 9110 §8.8.3.3).
  return { plain, gzip: { etag: `"${hash}-gzip"`, body: compressed } }
}

/** Allocates outside of Node's shared pool, where one small buffer would keep a whole slab alive. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}
