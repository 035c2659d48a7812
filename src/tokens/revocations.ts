import type { Revocable, Revocation } from './revocation.ts'

/** What is revoked, as this replica has read it. */
export interface Revocations {
  /** Whether a verified token is revoked. */
  has(revocable: Revocable): boolean
  /** Whether all revocations have been read; before, nothing may be answered. */
  ready(): boolean
  /** Calls back after something, or the readiness, has changed. Returns how to stop that. */
  onChange(callback: () => void): () => void
  list(): readonly Revocation[]
  /** Grows with every change. */
  readonly version: number
}
