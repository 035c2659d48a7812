/** Provides the token that a service sends. */
export interface TokenSource {
  /**
   * Resolves with the current token, to be sent as `Authorization: Bearer <token>` (RFC 6750 §2.1). Call it for each
   * request, because each renewal changes the token. Rejects with a TokenSourceError if no token is available.
   */
  token(): Promise<string>
  /** Aborts requests in flight. Do not call `token` afterwards. */
  close(): void
}
