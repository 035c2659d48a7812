import { SignetError } from '../../errors.ts'
import type { ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'

/** The fields of a Kubernetes `Status` object that Signet reads. */
export interface Status {
  readonly status?: string
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly field?: string }[]
  }
}

interface KubeErrorOptions {
  readonly verb: string
  readonly resource: Resource
  readonly ref?: Partial<ObjectRef> | undefined
  /** The HTTP status, or the code of the Status for an ERROR event of a watch; 0 if no response came. */
  readonly status: number
  /**
   * The reason of the Status (`Conflict`, `Expired` …), or one of the client: `Unreachable`, `Timeout`, `BrokenStream`,
   * `BrokenAnswer`.
   */
  readonly reason: string
  readonly detail?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** The reasons of the Status's causes, such as `ResourceVersionTooLarge`. */
  readonly causes?: readonly string[] | undefined
  readonly cause?: unknown
}

/**
 * A failed call to the API server. The message contains verb, resource, object and the message of the Status, never a
 * request or response body. `code` is derived from the reason, such as `ERR_KUBE_ALREADY_EXISTS`.
 */
export class KubeError extends SignetError {
  readonly status: number
  readonly reason: string
  /** The wait that the API server asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined
  readonly causes: readonly string[]

  constructor(options: KubeErrorOptions) {
    const { verb, resource, ref = {}, status, reason, detail, cause } = options
    const object = [ref.namespace, ref.name].filter(Boolean).join('/')
    const what = [`cannot ${verb} ${resource.plural}`, object].filter(Boolean).join(' ')
    const why = detail ? `${reason}: ${detail}` : reason
    super(codeOf(reason), `${what}: ${status === 0 ? why : `${status} ${why}`}`, cause === undefined ? {} : { cause })
    this.status = status
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.causes = options.causes ?? []
  }

  /**
   * The write conflicts with another: the resourceVersion is outdated, a field has another manager, or a precondition
   * failed.
   */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists'
  }
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists'
  }
  get isNotFound(): boolean {
    return this.status === 404
  }
  /** The resourceVersion is older than the API server's history. */
  get isGone(): boolean {
    return this.status === 410
  }
  /** The resourceVersion is later than the API server's newest: the server lags, or etcd was restored from a backup. */
  get isTooLargeResourceVersion(): boolean {
    return this.causes.includes('ResourceVersionTooLarge') || this.message.includes('Too large resource version')
  }
  get isForbidden(): boolean {
    return this.status === 403
  }
  get isInvalid(): boolean {
    return this.status === 422
  }
  get isTooManyRequests(): boolean {
    return this.status === 429
  }
  /** No complete response came: the connection failed, the time ran out, or the stream broke. */
  get isUnreachable(): boolean {
    return this.status === 0
  }
}

/** Longest wait that the API server may ask for, in milliseconds. */
const maxWaitMs = 60_000

/** The wait that the API server asked for (Retry-After), in milliseconds, at most a minute; 0 if none. */
export function askedToWait(error: unknown): number {
  return error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, maxWaitMs) : 0
}

const longestDetail = 1024
/** Statuses whose message contains names and versions only. Messages of other statuses may quote the request. */
const quotesNoRequest = new Set([401, 404, 409, 410, 429])
/** The fixed part of the API server's message if RBAC forbids a call. A 403 by an admission plugin may say anything. */
const forbiddenByRbac =
  /^secrets(?: "[^"]*")? is forbidden: User "[^"]*" cannot [a-z]+ resource "secrets" in API group ""(?: in the namespace "[^"]*"| at the cluster scope)?/

/**
 * The part of a Status's message that may be shown. For Secrets, a message that could quote the request is replaced by
 * the paths of the invalid fields.
 */
function detailOf(resource: Resource, status: number, body: Status): string | undefined {
  if (resource.plural !== 'secrets' || quotesNoRequest.has(status)) return body.message?.slice(0, longestDetail)
  const refusal = status === 403 ? forbiddenByRbac.exec(body.message ?? '')?.[0] : undefined
  if (refusal !== undefined) return refusal.slice(0, longestDetail)
  const fields = (body.details?.causes ?? []).map(({ field, reason }) => `${field ?? '?'} ${reason ?? ''}`.trim())
  return fields.length === 0 ? undefined : fields.join(', ').slice(0, longestDetail)
}

type About = Pick<KubeErrorOptions, 'verb' | 'resource' | 'ref'>

/** The error for a response that is not 2xx. `text` is the body: a Status as JSON, or any other text. */
export function errorOf(about: About, status: number, text: string, retryAfterMs?: number): KubeError {
  return errorOfStatus(about, parseStatus(text), status, retryAfterMs)
}

/** The error for a Status. `status` defaults to the Status's own code. */
export function errorOfStatus(about: About, body: Status, status = body.code ?? 500, retryAfterMs?: number): KubeError {
  const seconds = body.details?.retryAfterSeconds
  return new KubeError({
    ...about,
    status,
    reason: body.reason || (reasons[status] ?? 'Unknown'),
    detail: detailOf(about.resource, status, body),
    retryAfterMs: retryAfterMs ?? (typeof seconds === 'number' ? seconds * 1000 : undefined),
    causes: (body.details?.causes ?? []).flatMap(({ reason }) => reason ?? []),
  })
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

function parseStatus(text: string): Status {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}

function codeOf(reason: string): string {
  return `ERR_KUBE_${reason
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z]+/g, '_')
    .toUpperCase()}`
}
