import type { IdentityName } from '../identity/service-identity.ts'
import type { PublicJwk } from './public-jwk.ts'

/** The public keys of one identity. Where they have not changed, it is the same object as before. */
export interface IdentityKeys {
  readonly identity: IdentityName
  readonly keys: readonly PublicJwk[]
}
