import type { IdentityName } from '../identity/service-identity.ts'

/** A token to be revoked. */
export interface TokenToRevoke {
  readonly identity: IdentityName
  /** The `jti`. */
  readonly tokenID: string
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Names the record of a revocation in messages between replicas. */
export interface RecordName {
  readonly namespace: string
  readonly name: string
}

/** Stores the durable records of revocations. */
export interface RevocationStore {
  /**
   * Resolves once a record that revokes the token until its expiry is stored and in this replica's Revocations;
   * likewise for a token that is already revoked. Rejects if the record is not stored, or if that is unknown: the
   * caller must then treat the token as not revoked, and may retry.
   */
  add(token: TokenToRevoke, signal?: AbortSignal): Promise<RecordName>
  /** Reads a record from the store into this replica's Revocations. Resolves with whether the record exists. */
  look(record: RecordName, signal?: AbortSignal): Promise<boolean>
}
