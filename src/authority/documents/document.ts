import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** One way of sending a document. There are tens of thousands: they hold what differs, and no headers. */
export interface Representation {
  readonly etag: string
  readonly body: Buffer
}

/** A document in memory, ready to be sent. */
export interface Document {
  readonly plain: Representation
  /** Absent where it is small enough, or compressing makes it no smaller. */
  readonly gzip?: Representation
}

const compress = promisify(gzip)

/** Up to here a document fits one packet either way. */
const smallest = 1024

/** How long verifiers may keep a document, in seconds. */
export const maxAge = 300

/** Renders a document, compressed on the thread pool where that is worth it. */
export async function renderDocument(text: string): Promise<Document> {
  const body = bytesOf(text)
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  const plain = { etag: `"${hash}"`, body }
  if (body.length < smallest) return { plain }
  const compressed = await compress(body)
  if (compressed.length >= body.length) return { plain }
  // A strong validator names bytes, so each encoding has its own (RFC 9110 §8.8.3.3).
  return { plain, gzip: { etag: `"${hash}-gzip"`, body: compressed } }
}

/** Bytes in memory of their own: small buffers share a slab, which a single one of them would keep alive. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}
