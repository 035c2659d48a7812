import type { PublicJwk } from '../keys/public-jwk.ts'

/** The issuer of the cluster's ServiceAccount tokens and its public keys. */
export interface ClusterIssuer {
  readonly issuer: string
  readonly keys: readonly PublicJwk[]
}
