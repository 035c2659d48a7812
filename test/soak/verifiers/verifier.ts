import type { Verdict } from './verdicts.ts'

/** A relying party, running. */
export interface Verifier {
  readonly name: string
  /** Whether it can be told which key may sign for which subject; Envoy reads nothing of a JWK but the key. */
  readonly knowsSubjectOfKey: boolean
  /** Never rejects: what goes wrong is a verdict of kind `failed`. */
  readonly judge: (token: string) => Promise<Verdict>
  readonly stop: () => Promise<void>
}

/** How long a verifier may take for one token; fetching the key set is within. */
export const verdictLimitMs = 10_000
