/**
 * Why something is done or refused. The same word goes into the condition, the Event, the log and the metric label.
 * Published API: renaming one is a breaking change.
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

/** A reason with the sentence for people. The sentence stays the same until the facts change. */
export interface Violation {
  readonly reason: Reason
  readonly message: string
}
