import type { Revocable, Revocation } from './revocation.ts'

/** The revocations that this replica has read. */
export interface Revocations {
  /** Whether a verified token is revoked. */
  has(revocable: Revocable): boolean
  /** Whether all revocations have been read. Until then no token may be judged. */
  ready(): boolean
  /** Calls back after each change of the revocations or of the readiness. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void
  list(): readonly Revocation[]
  /** Increases with every change. */
  readonly version: number
}
