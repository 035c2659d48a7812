import type { OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

/** The endpoints that take forms; each is a path below that of the issuer. */
export const formEndpointNames = ['token', 'introspect', 'revoke'] as const
export type FormEndpointName = (typeof formEndpointNames)[number]

/** A POST of `application/x-www-form-urlencoded`, read completely and within the size limits. */
export interface FormRequest {
  /** The parameters by name. Repeated ones were refused (RFC 6749 §3.2); empty ones are left out. */
  readonly form: ReadonlyMap<string, string>
  /** The Authorization header. Reading it throws an OAuthError if the request has several. */
  readonly authorization: string | undefined
  /** The connection of the request, which may hold a verified client certificate. */
  readonly connection: Socket
  /** Aborted when the client disconnects or the time limit is reached. */
  readonly signal: AbortSignal
}

export interface FormResponse {
  readonly status: number
  /** Serialized JSON; empty for a response without a body. */
  readonly body: string
  readonly headers?: OutgoingHttpHeaders
}

/**
 * An OAuth endpoint, independent of HTTP. Rejects with an OAuthError, which becomes the error response of RFC 6749 §5.2;
 * any other error becomes a 500 without detail. Every response is sent with `Cache-Control: no-store`.
 */
export type FormEndpoint = (request: FormRequest) => Promise<FormResponse>
