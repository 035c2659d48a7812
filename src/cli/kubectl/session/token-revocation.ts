import { ConditionType, findCondition } from '../../../api/v1alpha1/conditions.ts'
import type { Condition, TokenRevocation } from '../../../api/v1alpha1/types.ts'

/** The target of a revocation: exactly one of the three fields. */
export type Revoked = { readonly keyID: string } | { readonly tokenID: string } | { readonly issuedBefore: string }

/** The condition `Applied`, if the controller has set it. */
export function appliedCondition({ status }: TokenRevocation): Condition | undefined {
  return findCondition(status?.conditions, ConditionType.Applied)
}

/** The target in words: `key 3vK…`, `token 9xA…`, `tokens issued before 2026-01-02T03:04:05Z`. */
export function whatIsRevoked({ keyID, tokenID, issuedBefore }: TokenRevocation['spec']): string {
  if (keyID !== undefined) return `key ${keyID}`
  if (tokenID !== undefined) return `token ${tokenID}`
  return `tokens issued before ${issuedBefore ?? '?'}`
}
