import type { CallOptions } from './client.ts'
import type { ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'
import type { TransportRequest } from './transport.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'apply' | 'patch' | 'delete'

/** What a call acts on, for error messages and metrics. */
export interface Subject {
  readonly verb: Verb
  readonly resource: Resource
  readonly ref: Partial<ObjectRef>
}

/** One call of the API, ready to be sent. */
export interface Call extends Subject {
  readonly method: TransportRequest['method']
  readonly path: string
  readonly accept?: string
  readonly body?: unknown
  readonly contentType?: string
  /** Whether sending the call twice has the same effect as sending it once. */
  readonly idempotent: boolean
  readonly options: CallOptions
}
