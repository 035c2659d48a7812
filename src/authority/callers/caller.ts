import type { IdentityName } from '../../identity/service-identity.ts'

/** How a caller has proved who it is. */
export type CallerCredential = 'service-account-token' | 'signet-token' | 'client-certificate'

/** A workload that has proved its identity, which exists. */
export interface Caller {
  readonly identity: IdentityName
  /** The SPIFFE ID of the identity. */
  readonly subject: string
  readonly credential: CallerCredential
  /** When the proof ends, in milliseconds since the epoch: nothing derived from it may live longer. */
  readonly expiresAt: number
}

/** What a request brings to prove who sends it, as it came: nothing of it is believed. */
export interface PresentedCredentials {
  /** The value of the header Authorization. */
  readonly authorization?: string | undefined
  /** Form parameters `client_assertion_type` and `client_assertion` (RFC 7521 §4.2). */
  readonly clientAssertionType?: string | undefined
  readonly clientAssertion?: string | undefined
  /**
   * The certificate that the TLS layer has verified against the trust bundle, DER; never one that a header brings. No
   * listener asks for one while no workload has a certificate.
   */
  readonly peerCertificate?: Uint8Array | undefined
}

/**
 * The one way in for all endpoints. Rejects with an OAuthError: `invalid_client` where the proof does not hold,
 * `temporarily_unavailable` where that cannot be told now.
 */
export interface CallerAuthenticator {
  /** Who sends a request, which counts against its rate: once for each request. */
  authenticate(presented: PresentedCredentials): Promise<Caller>
  /** Whom a proof names that comes with a request beside that of its sender. Counts nothing. */
  identify(presented: PresentedCredentials): Promise<Caller>
}
