import type { IdentityName } from '../identity/service-identity.ts'
import type { PublicJwk } from './public-jwk.ts'

/** The public keys of one identity. The same object as long as the keys stay the same. */
export interface IdentityKeys {
  readonly identity: IdentityName
  readonly keys: readonly PublicJwk[]
  /** The uid of the ServiceIdentity; a recreated one of the same name has another. Absent if the ConfigMap has none. */
  readonly uid?: string | undefined
}
