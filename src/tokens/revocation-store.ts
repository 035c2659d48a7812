import type { IdentityName } from '../identity/service-identity.ts'

/** One token that is to be refused from now on. */
export interface TokenToRevoke {
  readonly identity: IdentityName
  /** Its `jti`. */
  readonly tokenID: string
  /** When it expires, in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Where the record of a revocation is, as replicas name it to each other. */
export interface RecordName {
  readonly namespace: string
  readonly name: string
}

/** The durable records of revocations. */
export interface RevocationStore {
  /**
   * Resolves once a record that revokes the token until it has expired is stored, and known to this replica's
   * Revocations; the same for one that has been revoked already. Rejects where it is not stored, and where that is not
   * known: then the token counts as not revoked, and the caller may ask again.
   */
  add(token: TokenToRevoke, signal?: AbortSignal): Promise<RecordName>
  /**
   * Reads one record from the store itself, and says whether there is one: then this replica's Revocations know it
   * afterwards.
   */
  look(record: RecordName, signal?: AbortSignal): Promise<boolean>
}
