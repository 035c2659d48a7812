import type { BoundObject } from './service-account-token.ts'

/** The pod and account that a projected ServiceAccount token is bound to, as signed by the API server. */
export interface BoundReference {
  readonly namespace: string
  readonly account: BoundObject
  readonly pod: BoundObject
}

/** Whether objects of the cluster exist, compared by name and uid. */
export interface BoundObjects {
  /**
   * Whether both are known to exist, without a request. False may also mean that this replica has not observed them
   * yet.
   */
  areKnown(reference: BoundReference): boolean
  /**
   * Reads both from the API server; concurrent calls for the same objects share a request. `unknown` if the API server
   * cannot be reached: the caller must then neither allow nor deny (I6). Never rejects. Takes a few seconds at most.
   */
  look(reference: BoundReference): Promise<'present' | 'absent' | 'unknown'>
}
