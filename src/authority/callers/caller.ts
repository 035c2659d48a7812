import type { IdentityName } from '../../identity/service-identity.ts'

/** The kind of credential that a caller was authenticated by. */
export type CallerCredential = 'service-account-token' | 'signet-token' | 'client-certificate'

/** An authenticated workload whose identity exists. */
export interface Caller {
  readonly identity: IdentityName
  /** The SPIFFE ID of the identity. */
  readonly subject: string
  readonly credential: CallerCredential
  /** When the credential expires, in milliseconds since the epoch. Tokens issued for it must not live longer. */
  readonly expiresAt: number
}

/** The credentials of a request, unverified. */
export interface PresentedCredentials {
  /** The value of the Authorization header. */
  readonly authorization?: string | undefined
  /** The form parameters `client_assertion_type` and `client_assertion` (RFC 7521 §4.2). */
  readonly clientAssertionType?: string | undefined
  readonly clientAssertion?: string | undefined
  /**
   * The client certificate, DER, that the TLS layer verified against the trust bundle; never one from a header. No
   * listener requests client certificates yet, because workloads have none.
   */
  readonly peerCertificate?: Uint8Array | undefined
}

/**
 * Authenticates callers for every endpoint. Rejects with an OAuthError: `invalid_client` for an invalid credential,
 * `temporarily_unavailable` if the credential cannot be verified now.
 */
export interface CallerAuthenticator {
  /** Authenticates the sender of a request and counts the request against its rate. Call once per request. */
  authenticate(presented: PresentedCredentials): Promise<Caller>
  /** Verifies a further credential of a request, such as a subject token, without counting it. */
  identify(presented: PresentedCredentials): Promise<Caller>
}
