// Generated from crds/ by scripts/generate-types.ts (npm run types). Change the CRD, not this file.
import type { apiVersion } from './group-version.ts'
import type { ObjectMeta } from './metadata.ts'

/**
 * ServiceIdentity is the identity of the ServiceAccount of the same name in the same namespace. Signet keeps signing keys for it, mints its tokens and writes them to the Secret `signet.<name>`, from where they are mounted into the pods of that account which carry the label `signet.dev/inject: "true"`. The ServiceAccount need not exist yet. The name has at most 177 characters. Setting the annotation `signet.dev/rotate-key` to any new value rotates the signing key.
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
 * What is wanted for the identity. An empty object is valid: it gives one token named `default` for the trust domain as audience.
 */
export interface ServiceIdentitySpec {
  /**
   * The tokens to keep fresh, at most 16, each for one audience. The first is also mounted as the file `token`. Defaults to one token named `default`.
   */
  tokens?: TokenSpec[]
  signingKey?: SigningKeySpec
}
/**
 * A token to keep fresh.
 */
export interface TokenSpec {
  /**
   * The name of the token, unique within the identity: lower case letters, digits and dashes, at most 63 characters. The token is mounted as the file `<name>.jwt`.
   */
  name: string
  /**
   * Who the token is for, its one `aud` claim: 1 to 255 printable ASCII characters. Defaults to the token's name; for a token named `default`, to the trust domain.
   */
  audience?: string
  /**
   * How long each token is valid, from 5m to 24h, in hours, minutes and seconds such as `1h` or `1h30m`. It is renewed after 40 to 50 percent of that time. Under 15m only where the installation nudges pods (chart value `nudge` other than `Never`), since without it a renewed token takes up to two minutes to reach the file.
   */
  lifetime?: string
  /**
   * The form of the token. `JWT-SVID` is a SPIFFE JWT-SVID that any OpenID Connect library verifies too. `AccessToken` is an OAuth 2.0 access token as in RFC 9068, with the header `typ: at+jwt` and the claim `client_id`.
   */
  profile?: 'JWT-SVID' | 'AccessToken'
  /**
   * Further claims with fixed values: strings, numbers, booleans and lists of strings, at most 4 KiB as JSON. Only claims that the installation allows (chart value `allowedClaims`, none by default) are accepted, since a relying party may trust a claim such as `groups`. The fields listed here are the claims that are always refused.
   */
  claims?: Record<string, unknown>
}
/**
 * The keys that sign the tokens. They belong to this identity alone, and their private halves never leave the operator's namespace.
 */
export interface SigningKeySpec {
  /**
   * The signature algorithm of new keys (RFC 7518, RFC 8037). A change starts a rotation: a key of the new algorithm is published at once and takes over after publishAhead.
   */
  algorithm?: 'ES256' | 'ES384' | 'RS256' | 'PS256' | 'EdDSA'
  /**
   * How long a key signs before the next one takes over, from 1m to 8760h, in hours, minutes and seconds such as `24h`. A replaced key stays published until the last token that it signed has expired.
   */
  rotationPeriod?: string
  /**
   * How long a new key is published before it signs, so that every verifier has fetched it by then: at least 30s and shorter than `rotationPeriod`. Many verifiers keep a JWK Set for 20 minutes, so less than 20m is accepted with a warning.
   */
  publishAhead?: string
}
/**
 * What Signet has done for the identity. Written by the controller only.
 */
export interface ServiceIdentityStatus {
  /**
   * The `metadata.generation` that this status answers.
   */
  observedGeneration?: number
  /**
   * The state of the identity. `Ready` is true once the keys are published and every token is in the Secret; `KeysReady` and `TokensReady` tell which of the two is missing.
   */
  conditions?: Condition[]
  /**
   * The `sub` claim of the tokens, `spiffe://<trust domain>/ns/<namespace>/sa/<name>`.
   */
  subject?: string
  /**
   * The `iss` claim of the tokens; its discovery document leads to the public keys.
   */
  issuer?: string
  /**
   * The Secret in this namespace that holds the tokens.
   */
  secretName?: string
  /**
   * When the first of the present tokens expires.
   */
  expiresAt?: string
  /**
   * The identity's keys that are published or were, oldest first.
   */
  keys?: KeyStatus[]
  /**
   * The tokens that are in the Secret.
   */
  tokens?: TokenStatus[]
}
/**
 * One aspect of the identity's state.
 */
export interface Condition {
  /**
   * What the condition is about, `Ready`, `KeysReady` or `TokensReady`.
   */
  type: string
  /**
   * Whether the condition holds, `True`, `False` or `Unknown`.
   */
  status: 'True' | 'False' | 'Unknown'
  /**
   * The `metadata.generation` that the condition was judged by.
   */
  observedGeneration?: number
  /**
   * When the condition's status last changed.
   */
  lastTransitionTime: string
  /**
   * The cause of the condition's status in one word, for programs.
   */
  reason: string
  /**
   * The cause of the condition's status in a sentence, for people.
   */
  message: string
}
/**
 * The public facts of one key.
 */
export interface KeyStatus {
  /**
   * The `kid` of the key, its RFC 7638 thumbprint.
   */
  keyID: string
  /**
   * The signature algorithm of the key.
   */
  algorithm?: string
  /**
   * `Published` keys are in the JWK Set and do not sign yet, the one `Active` key signs, `Retired` keys only verify what they have signed, `Revoked` keys are withdrawn.
   */
  state: 'Published' | 'Active' | 'Retired' | 'Revoked'
  /**
   * When the key entered the JWK Set.
   */
  publishedAt?: string
  /**
   * When the key began to sign, or will.
   */
  activeAt?: string
  /**
   * When the key ceased to sign, or will.
   */
  retiredAt?: string
  /**
   * When the key leaves the JWK Set, an hour after the last token that it signed has expired. A revoked key has left it already, and leaves this list then.
   */
  removeAt?: string
}
/**
 * The facts of one token, never the token itself.
 */
export interface TokenStatus {
  /**
   * The token's name in `spec.tokens`.
   */
  name: string
  /**
   * The token's `aud` claim.
   */
  audience: string
  /**
   * The `kid` of the key that signed the token.
   */
  keyID: string
  /**
   * The token's `jti` claim, by which it is revoked and found in logs.
   */
  tokenID: string
  /**
   * When the token was minted.
   */
  issuedAt: string
  /**
   * When the token expires.
   */
  expiresAt: string
  /**
   * When the token will be replaced by a fresh one.
   */
  renewAt: string
}

/**
 * TokenRevocation revokes a key or tokens of one ServiceIdentity of the same namespace, and is the record of it. A revoked key leaves the JWK Set, a fresh one signs at once, the identity's tokens are minted anew and its pods are nudged. Mounted tokens that are revoked are replaced by fresh ones. Introspection, and verifiers that read the authority's list of revocations, refuse any copy of a revoked token. A verifier that uses the JWK Set only accepts the copy until it expires; revoke the key to refuse it there too. The controller deletes a TokenRevocation once nothing that it names can be alive.
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
 * What is revoked: an identity, and exactly one of `keyID`, `tokenID` and `issuedBefore`. It cannot be changed; create another TokenRevocation for something else.
 */
export interface TokenRevocationSpec {
  /**
   * The name of the ServiceIdentity in this namespace whose key or tokens are revoked: at most 177 characters, as the name of a ServiceAccount.
   */
  identity: string
  /**
   * The `kid` of a key to revoke, as in the header of a token and in `status.keys` of the identity. Every token that the key has signed is refused as soon as verifiers have the new JWK Set. A key that is published and does not sign yet is dropped as well, because both are stored together.
   */
  keyID?: string
  /**
   * The `jti` claim of a token to revoke, as in `status.tokens` of the identity; never the token itself. If the token is still mounted, a fresh one takes its place. Introspection, and verifiers that read the list of revocations, refuse a copy of it. A verifier that uses the JWK Set only accepts the copy until it expires, unless its key is revoked.
   */
  tokenID?: string
  /**
   * A time as in RFC 3339, such as `2026-01-31T12:00:00Z`: every token of the identity that was issued before it is revoked. Fractions count as the next full second. At most 60 seconds ahead of the creation of this object; it takes effect when the time has come. Introspection, and verifiers that read the list of revocations, refuse copies. A verifier that uses the JWK Set only accepts a copy until it expires, unless its key is revoked.
   */
  issuedBefore?: string
  /**
   * When the token named by `tokenID` expires, its `exp` claim, as in RFC 3339. The revocation is then deleted five minutes later instead of 25 hours after its creation, which keeps the list of revocations short. Leave it out if you are not sure: with a time that is too early the token is accepted again.
   */
  tokenExpiresAt?: string
  /**
   * Why it is revoked, for people; at most 1024 characters. Write no secret here.
   */
  reason?: string
}
/**
 * What Signet has done for the revocation. Written by the controller only.
 */
export interface TokenRevocationStatus {
  /**
   * The `metadata.generation` that this status answers.
   */
  observedGeneration?: number
  /**
   * The state of the revocation. `Applied` is true once the key has left the JWK Set, and once no revoked token is mounted.
   */
  conditions?: Condition[]
  /**
   * When nothing that is revoked can be alive any more; the controller deletes the TokenRevocation then. Absent where the revocation was refused, which is left for you to delete.
   */
  expiresAt?: string
}
