/** Where a service gets the token that it sends. */
export interface TokenSource {
  /** A token that is good now. Rejects with a TokenSourceError where there is none. */
  token(): Promise<string>
  /** Ends what is under way. */
  close(): void
}
