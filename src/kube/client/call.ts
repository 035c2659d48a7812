import type { CallOptions } from './client.ts'
import type { ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'
import type { TransportRequest } from './transport.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'apply' | 'patch' | 'delete'

/** What a call is about: enough for an error message. */
export interface Subject {
  readonly verb: Verb
  readonly resource: Resource
  readonly ref: Partial<ObjectRef>
}

export interface Call extends Subject {
  readonly method: TransportRequest['method']
  readonly path: string
  readonly accept?: string
  readonly body?: unknown
  readonly contentType?: string
  /** Whether it may be sent twice. */
  readonly idempotent: boolean
  readonly options: CallOptions
}
