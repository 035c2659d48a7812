/**
 * Why something is done or refused. Conditions, Events, logs and metric labels share these words. They are a published
 * API: renaming one is a breaking change.
 */
export const Reason = {
  // tokens
  Missing: 'Missing',
  Unusable: 'Unusable',
  SpecChanged: 'SpecChanged',
  KeyGone: 'KeyGone',
  Renewing: 'Renewing',
  Revoked: 'Revoked',
  // keys
  FirstKey: 'FirstKey',
  RotationDue: 'RotationDue',
  RotationRequested: 'RotationRequested',
  AlgorithmChanged: 'AlgorithmChanged',
  KeyRotated: 'KeyRotated',
  KeyRingUnusable: 'KeyRingUnusable',
  KeyRingLost: 'KeyRingLost',
  KeyRingReplaced: 'KeyRingReplaced',
  KeyRingRestored: 'KeyRingRestored',
  KeyEncryptionKeyUnknown: 'KeyEncryptionKeyUnknown',
  // revocations
  KeyUnknown: 'KeyUnknown',
  TooFarAhead: 'TooFarAhead',
  NotYet: 'NotYet',
  Applying: 'Applying',
  // conditions
  Issued: 'Issued',
  KeysPublished: 'KeysPublished',
  WaitingForKeys: 'WaitingForKeys',
  WaitingForTrustBundle: 'WaitingForTrustBundle',
  WaitingForGarbageCollection: 'WaitingForGarbageCollection',
  Conflict: 'Conflict',
  InvalidSpec: 'InvalidSpec',
  Forbidden: 'Forbidden',
  Refused: 'Refused',
  Expired: 'Expired',
  // pods
  IdentityMissing: 'IdentityMissing',
  IdentityNotReady: 'IdentityNotReady',
} as const

export type Reason = (typeof Reason)[keyof typeof Reason]

/** A reason with a sentence for users. The sentence is identical until the facts change. */
export interface Violation {
  readonly reason: Reason
  readonly message: string
}
