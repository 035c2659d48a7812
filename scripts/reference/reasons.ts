import type { OAuthErrorCode } from '../../src/authority/oauth/oauth-error.ts'
import type { Reason } from '../../src/policy/reasons.ts'

/** The errors in responses of `/token`, `/introspect` and `/revoke`: their status and meaning. */
export const oauthErrors: Readonly<Record<OAuthErrorCode, readonly [status: number, meaning: string]>> = {
  invalid_request: [400, 'A parameter is missing, repeated or not valid, or the subject token is not acceptable.'],
  invalid_client: [401, 'The request has no valid credentials: the token of the caller is missing or not acceptable.'],
  invalid_scope: [400, 'A requested scope is not allowed.'],
  invalid_target: [400, 'No token may be issued for the requested audience or resource.'],
  unauthorized_client: [400, 'The caller may not use this grant or endpoint for this token.'],
  unsupported_grant_type: [400, 'The authority does not support the `grant_type`.'],
  temporarily_unavailable: [
    503,
    'The authority cannot decide now; with the status 429, a rate limit is exceeded. Retry after the seconds of the ' +
      'header `Retry-After`.',
  ],
}

/** The reasons of conditions, Events, log lines and metric labels. */
export const reasons: Readonly<Record<Reason, string>> = {
  Missing: 'The token does not exist yet.',
  Unusable: 'The stored token does not verify, or is not valid yet.',
  SpecChanged: 'The token differs from the spec or the settings of the installation.',
  KeyGone: 'The key that signed the token is no longer published.',
  Renewing: 'The token has reached its renewal time.',
  Revoked: 'The key or token has been revoked.',
  FirstKey: 'The first signing key of the owner has been created.',
  RotationDue: 'The signing key has reached the end of its rotation period.',
  RotationRequested: 'The annotation `signet.dev/rotate-key` has requested a rotation.',
  AlgorithmChanged: 'The spec requires another algorithm.',
  KeyRotated: 'A new key signs.',
  KeyRingUnusable: 'The stored key ring is damaged. Nothing is signed with it; published keys stay published.',
  KeyRingLost: 'The stored key ring was deleted and cannot be restored. Published keys stay published.',
  KeyRingReplaced: 'The stored key ring was replaced and cannot be restored. The new keys are not published.',
  KeyRingRestored: 'The stored key ring was deleted or replaced, and the controller has restored it.',
  KeyEncryptionKeyUnknown:
    'The stored key ring is encrypted with a key-encryption key that the controller does not have.',
  KeyUnknown: 'The identity has no key with this ID.',
  TooFarAhead: '`issuedBefore` is more than 60 seconds after the creation of the TokenRevocation.',
  NotYet: '`issuedBefore` is in the future; the revocation takes effect at that time.',
  Applying: 'The revocation is in progress.',
  Issued: 'All tokens are in the Secret.',
  KeysPublished: 'The public keys are published.',
  WaitingForKeys: 'The public keys are not published yet.',
  WaitingForTrustBundle: 'The CA of the trust domain does not exist yet.',
  WaitingForGarbageCollection: 'The Secret of an earlier identity of the same name has not been deleted yet.',
  Conflict: 'The Secret belongs to another owner, or another writer keeps changing it.',
  InvalidSpec: 'The installation does not allow a value of the spec; the message names the field.',
  Forbidden: 'RBAC does not allow the controller to write the object.',
  Refused: 'The API server or an admission policy rejects the object.',
  Expired: 'Tokens have expired and could not be renewed.',
  IdentityMissing: 'No ServiceIdentity of this name exists.',
  IdentityNotReady: 'The ServiceIdentity of the pod is not ready.',
}
