import type { BoundObject } from './service-account-token.ts'

/** What a projected ServiceAccount token is bound to, by the API server's word. */
export interface BoundReference {
  readonly namespace: string
  readonly account: BoundObject
  readonly pod: BoundObject
}

/** Whether objects of a cluster are there, by name and uid: another of the same name is another. */
export interface BoundObjects {
  /** Whether both are known to be there. Costs nothing; false may also mean that this replica does not know yet. */
  areKnown(reference: BoundReference): boolean
  /**
   * Looks at the cluster itself, once for all who ask the same at a time. `unknown` where it cannot be asked: then
   * nothing is allowed and nothing denied (I6). Never rejects; takes a few seconds at most.
   */
  look(reference: BoundReference): Promise<'present' | 'absent' | 'unknown'>
}
