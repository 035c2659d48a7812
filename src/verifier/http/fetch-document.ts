import { isUtf8 } from 'node:buffer'
import { type HttpClient, longestRetryAfter } from './http-client.ts'
import { parseRetryAfter } from '../../time/retry-after.ts'
import { FetchError } from './fetch-error.ts'

interface FetchOptions {
  /** The ETag of the copy at hand. The result is `unchanged` if the server confirms that copy (RFC 9110 §13.1.2). */
  readonly etag?: string | undefined
  readonly maxBytes: number
  readonly signal: AbortSignal
}

type FetchedDocument = 'unchanged' | { readonly text: string; readonly etag: string | undefined }

/** Gets one UTF-8 document. Rejects with a FetchError. */
export type FetchDocument = (url: string, options: FetchOptions) => Promise<FetchedDocument>

/** RFC 9110 §8.8.3. An ETag of another form is never sent back. */
const etagForm = /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/

export function fetchDocumentWith(client: HttpClient): FetchDocument {
  return async (url, { etag, maxBytes, signal }) => {
    const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
    const answer = await client.send({ method: 'GET', url, headers, maxBytes, signal })
    const { status, body } = answer
    if (status === 304 && etag !== undefined) return 'unchanged'
    if (status !== 200) {
      const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], Date.now(), longestRetryAfter)
      throw new FetchError('ERR_FETCH_STATUS', `${url} responded with status ${status}`, { status, retryAfterMs })
    }
    if (!isUtf8(body)) throw new FetchError('ERR_FETCH_CONTENT', `${url} responded with text that is not UTF-8`)
    const tag = answer.headers.etag
    return { text: body.toString(), etag: tag !== undefined && etagForm.test(tag) ? tag : undefined }
  }
}
