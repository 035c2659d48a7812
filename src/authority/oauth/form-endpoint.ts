import type { OutgoingHttpHeaders } from 'node:http'

/** A POST of `application/x-www-form-urlencoded` that has been read whole, within its limits. */
export interface FormRequest {
  /** Each parameter once: one that is sent twice has been refused already (RFC 6749 §3.2); empty ones are left out. */
  readonly form: ReadonlyMap<string, string>
  /** Reading it throws an OAuthError where there are several. */
  readonly authorization: string | undefined
  /** As `PresentedCredentials.peerCertificate`. */
  readonly peerCertificate: Uint8Array | undefined
  /** Aborted when the caller has gone or its time is up. */
  readonly signal: AbortSignal
}

export interface FormAnswer {
  readonly status: number
  /** JSON, ready to send; empty for none. */
  readonly body: string
  readonly headers?: OutgoingHttpHeaders
}

/**
 * An OAuth endpoint apart from HTTP. Rejects with an OAuthError, which the HTTP side turns into the answer of RFC 6749
 * §5.2; anything else it rejects with is a 500 without a word of it. Every answer has `Cache-Control: no-store`.
 */
export type FormEndpoint = (request: FormRequest) => Promise<FormAnswer>
