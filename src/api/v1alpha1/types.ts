// Generated from crds/ by scripts/generate-types.ts (npm run types). Change the CRD, not this file.
import type { apiVersion } from './group-version.ts'
import type { ObjectMeta } from './metadata.ts'

/**
 * ServiceIdentity is the identity of the ServiceAccount of the same name in the same namespace. Signet creates and rotates its signing keys, mints its tokens and writes them to the Secret `signet.<name>`. The webhook mounts this Secret into pods of the ServiceAccount that have the label `signet.dev/inject: "true"`. The ServiceAccount does not need to exist yet. The name has at most 177 characters. A new value of the annotation `signet.dev/rotate-key` requests a rotation of the signing key.
 */
export interface ServiceIdentity {
  /**
   * The versioned schema of this object, `signet.dev/v1alpha1`.
   */
  apiVersion: typeof apiVersion
  /**
   * The kind of this object, `ServiceIdentity`.
   */
  kind: 'ServiceIdentity'
  /**
   * Standard object metadata.
   */
  metadata: ObjectMeta
  spec: ServiceIdentitySpec
  status?: ServiceIdentityStatus
}
/**
 * The desired tokens and keys of the identity. An empty object is valid: it results in one token named `default` with the trust domain as audience.
 */
export interface ServiceIdentitySpec {
  /**
   * The tokens of the identity, at most 16, each for one audience. The first token is also mounted as the file `token`. Defaults to one token named `default`.
   */
  tokens?: TokenSpec[]
  signingKey?: SigningKeySpec
}
/**
 * A token, which Signet renews before it expires.
 */
export interface TokenSpec {
  /**
   * The name of the token, unique within the identity: at most 63 lower case letters, digits and dashes. The token is mounted as the file `<name>.jwt`.
   */
  name: string
  /**
   * The audience of the token, its `aud` claim: 1 to 255 printable ASCII characters. Defaults to the name of the token, or to the trust domain for the token named `default`.
   */
  audience?: string
  /**
   * The lifetime of each token, from 5m to 24h, in hours, minutes and seconds such as `1h` or `1h30m`. Signet renews a token after 40 to 50 percent of its lifetime. A lifetime of less than 15m is rejected if the chart value `nudge` is `Never`, because a renewed token then takes up to two minutes to reach the file.
   */
  lifetime?: string
  /**
   * The profile of the token. `JWT-SVID` is a SPIFFE JWT-SVID, which OpenID Connect libraries can verify too. `AccessToken` is an OAuth 2.0 access token (RFC 9068), with the header `typ: at+jwt` and the claim `client_id`.
   */
  profile?: 'JWT-SVID' | 'AccessToken'
  /**
   * Extra claims with fixed values: strings, numbers, booleans and lists of strings, at most 4 KiB as JSON. The chart value `allowedClaims` lists the claims that are accepted, none by default, because a relying party may trust a claim such as `groups`. The claims listed below are always rejected.
   */
  claims?: Record<string, unknown>
}
/**
 * The keys that sign the tokens. No other identity uses them, and their private keys never leave the namespace in which Signet is installed.
 */
export interface SigningKeySpec {
  /**
   * The signature algorithm of new keys (RFC 7518, RFC 8037). A change starts a rotation: Signet publishes a key of the new algorithm at once, and the key signs after `publishAhead`.
   */
  algorithm?: 'ES256' | 'ES384' | 'RS256' | 'PS256' | 'EdDSA'
  /**
   * How long a key signs before Signet replaces it, from 1m to 8760h, in hours, minutes and seconds such as `24h`. A replaced key stays published until an hour after the last token that it signed has expired.
   */
  rotationPeriod?: string
  /**
   * How long a new key is published before it signs, so that every verifier has fetched it: at least 30s, and less than `rotationPeriod`. Many verifiers cache a JWK Set for 20 minutes, so a value of less than 20m results in a warning.
   */
  publishAhead?: string
}
/**
 * The observed state of the identity. Only the controller writes it.
 */
export interface ServiceIdentityStatus {
  /**
   * The `metadata.generation` that the controller last observed.
   */
  observedGeneration?: number
  /**
   * The conditions of the identity. `KeysReady` is true when the keys are published, `TokensReady` when every token is in the Secret, and `Ready` when both are true.
   */
  conditions?: Condition[]
  /**
   * The `sub` claim of the tokens, `spiffe://<trust domain>/ns/<namespace>/sa/<name>`.
   */
  subject?: string
  /**
   * The `iss` claim of the tokens. The discovery document of this issuer names the JWK Set.
   */
  issuer?: string
  /**
   * The Secret in this namespace that holds the tokens.
   */
  secretName?: string
  /**
   * The time at which the first of the current tokens expires.
   */
  expiresAt?: string
  /**
   * The keys of the identity, published and revoked, oldest first.
   */
  keys?: KeyStatus[]
  /**
   * The tokens that are in the Secret.
   */
  tokens?: TokenStatus[]
}
/**
 * A condition of the identity.
 */
export interface Condition {
  /**
   * The type of the condition, `Ready`, `KeysReady` or `TokensReady`.
   */
  type: string
  /**
   * The status of the condition, `True`, `False` or `Unknown`.
   */
  status: 'True' | 'False' | 'Unknown'
  /**
   * The `metadata.generation` that the condition describes.
   */
  observedGeneration?: number
  /**
   * The time of the last change of the status of the condition.
   */
  lastTransitionTime: string
  /**
   * The reason for the status as one word, for programs.
   */
  reason: string
  /**
   * The reason for the status as a sentence, for users.
   */
  message: string
}
/**
 * The public data of a key.
 */
export interface KeyStatus {
  /**
   * The `kid` of the key, its thumbprint (RFC 7638).
   */
  keyID: string
  /**
   * The signature algorithm of the key.
   */
  algorithm?: string
  /**
   * The state of the key. A `Published` key is in the JWK Set and does not sign yet. The `Active` key signs. A `Retired` key has stopped signing; the tokens that it signed still verify. A `Revoked` key has left the JWK Set.
   */
  state: 'Published' | 'Active' | 'Retired' | 'Revoked'
  /**
   * The time at which the key entered the JWK Set.
   */
  publishedAt?: string
  /**
   * The time at which the key starts signing, or started.
   */
  activeAt?: string
  /**
   * The time at which the key stops signing, or stopped.
   */
  retiredAt?: string
  /**
   * The time at which the key leaves the JWK Set, an hour after the last token that it signed has expired. A revoked key has left the JWK Set already, and leaves this list at this time.
   */
  removeAt?: string
}
/**
 * The data of a token, without the token itself.
 */
export interface TokenStatus {
  /**
   * The name of the token in `spec.tokens`.
   */
  name: string
  /**
   * The `aud` claim of the token.
   */
  audience: string
  /**
   * The `kid` of the key that signed the token.
   */
  keyID: string
  /**
   * The `jti` claim of the token. Logs and TokenRevocations identify a token by it.
   */
  tokenID: string
  /**
   * The time at which the token was minted.
   */
  issuedAt: string
  /**
   * The time at which the token expires.
   */
  expiresAt: string
  /**
   * The time at which Signet renews the token.
   */
  renewAt: string
}

/**
 * TokenRevocation revokes a key or tokens of a ServiceIdentity in the same namespace, and records the revocation. If a key is revoked, it leaves the JWK Set, a new key signs at once, and the controller mints the tokens of the identity again. If mounted tokens are revoked, the controller replaces them. Introspection, and verifiers that read the list of revocations of the authority, reject every copy of a revoked token. A verifier that uses only the JWK Set accepts a copy until it expires; revoke the key to prevent that. The controller deletes a TokenRevocation when every token that it revokes has expired.
 */
export interface TokenRevocation {
  /**
   * The versioned schema of this object, `signet.dev/v1alpha1`.
   */
  apiVersion: typeof apiVersion
  /**
   * The kind of this object, `TokenRevocation`.
   */
  kind: 'TokenRevocation'
  /**
   * Standard object metadata.
   */
  metadata: ObjectMeta
  spec: TokenRevocationSpec
  status?: TokenRevocationStatus
}
/**
 * The target of the revocation: an identity, and exactly one of `keyID`, `tokenID` and `issuedBefore`. The spec is immutable; create another TokenRevocation for another target.
 */
export interface TokenRevocationSpec {
  /**
   * The name of the ServiceIdentity in this namespace whose key or tokens are revoked: at most 177 characters, in the form of the name of a ServiceAccount.
   */
  identity: string
  /**
   * The `kid` of the key to revoke, from the header of a token or from `status.keys` of the identity. Verifiers reject every token that the key signed as soon as they have fetched the new JWK Set. A key in the state `Published` is replaced as well, because both private keys are stored together.
   */
  keyID?: string
  /**
   * The `jti` claim of the token to revoke, from `status.tokens` of the identity; never the token itself. If the token is mounted, the controller replaces it. Introspection, and verifiers that read the list of revocations, reject every copy of the token. A verifier that uses only the JWK Set accepts a copy until it expires, unless its key is revoked.
   */
  tokenID?: string
  /**
   * A time in RFC 3339, such as `2026-01-31T12:00:00Z`, at most 60 seconds after the creation of this object. Every token of the identity that was issued before this time is revoked, from this time on. A fraction of a second is rounded up. Introspection, and verifiers that read the list of revocations, reject every copy of the tokens. A verifier that uses only the JWK Set accepts a copy until it expires, unless its key is revoked.
   */
  issuedBefore?: string
  /**
   * The expiry of the token with the ID `tokenID`, its `exp` claim, in RFC 3339. The controller then deletes the revocation five minutes after this time instead of 25 hours after its creation, which keeps the list of revocations short. Omit this field if the expiry is uncertain: after a time that is too early, the token is accepted again.
   */
  tokenExpiresAt?: string
  /**
   * The reason for the revocation, for users; at most 1024 characters. Do not write a secret here.
   */
  reason?: string
}
/**
 * The observed state of the revocation. Only the controller writes it.
 */
export interface TokenRevocationStatus {
  /**
   * The `metadata.generation` that the controller last observed.
   */
  observedGeneration?: number
  /**
   * The conditions of the revocation. `Applied` is true when the revoked key has left the JWK Set, and no revoked token is in the Secret of the identity.
   */
  conditions?: Condition[]
  /**
   * The time at which every revoked token has expired; the controller then deletes the TokenRevocation. Absent if the controller has rejected the revocation; delete such a TokenRevocation yourself.
   */
  expiresAt?: string
}
