/** Provides the token that a service sends. */
export interface TokenSource {
  /**
   * Resolves with a valid token, to be sent as `Authorization: Bearer <token>`. Call it for each request: the token
   * changes with each renewal. Rejects with a TokenSourceError.
   */
  token(): Promise<string>
  /** Aborts requests in flight. */
  close(): void
}
