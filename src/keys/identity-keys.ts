import type { IdentityName } from '../identity/service-identity.ts'
import type { PublicJwk } from './public-jwk.ts'

/** The public keys of one identity. Where they have not changed, it is the same object as before. */
export interface IdentityKeys {
  readonly identity: IdentityName
  readonly keys: readonly PublicJwk[]
  /** Of the ServiceIdentity they are for: another of the same name has another. Absent where that is not said. */
  readonly uid?: string | undefined
}
