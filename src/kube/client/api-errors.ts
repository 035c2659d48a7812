import { SignetError } from '../../errors.ts'
import type { ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'

/** The parts of a `Status` object that are read. */
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
  /** The HTTP status, or the Status' code for an ERROR inside a watch; 0 where no answer came. */
  readonly status: number
  /** The Status' reason (`Conflict`, `Expired` …), or one of our own: `Unreachable`, `Timeout`, `BrokenStream`. */
  readonly reason: string
  readonly detail?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** Reasons of the Status' causes, `ResourceVersionTooLarge` for example. */
  readonly causes?: readonly string[] | undefined
  readonly cause?: unknown
}

/**
 * A call to the API server that failed. The message names verb, resource, object and the Status' message, never a
 * request or response body. `code` is the reason in capitals, such as `ERR_KUBE_ALREADY_EXISTS`.
 */
export class KubeError extends SignetError {
  readonly status: number
  readonly reason: string
  /** How long the server asked us to wait, in milliseconds. */
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

  /** Another writer was first: the resourceVersion is old, a field belongs to another manager, a precondition failed. */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists'
  }
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists'
  }
  get isNotFound(): boolean {
    return this.status === 404
  }
  /** The resourceVersion is older than the server's history. */
  get isGone(): boolean {
    return this.status === 410
  }
  /** The resourceVersion is later than anything this server knows: it lags, or its history was restored. */
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
  /** No answer came: connection, timeout, or a stream that broke off. */
  get isUnreachable(): boolean {
    return this.status === 0
  }
}

/** A server that asks for more than this is not taken at its word, in milliseconds. */
const longestWait = 60_000

/** How long the API server asked us to stay away (Retry-After), in milliseconds; 0 where it did not. */
export function askedToWait(error: unknown): number {
  return error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, longestWait) : 0
}

const longestDetail = 1024
/** Statuses whose message speaks of names and versions only; others may quote what was sent. */
const speaksOfNamesOnly = new Set([401, 404, 409, 410, 429])
/** How the API server says that RBAC does not allow it, so far as its own words go; a 403 by admission may say anything. */
const whoMayNot =
  /^secrets(?: "[^"]*")? is forbidden: User "[^"]*" cannot [a-z]+ resource "secrets" in API group ""(?: in the namespace "[^"]*"| at the cluster scope)?/

/**
 * The message of a Status as far as it may be shown. About Secrets, a message that could quote what was sent gives way
 * to the paths of the fields at fault.
 */
function detailOf(resource: Resource, status: number, body: Status): string | undefined {
  if (resource.plural !== 'secrets' || speaksOfNamesOnly.has(status)) return body.message?.slice(0, longestDetail)
  const refusal = status === 403 ? whoMayNot.exec(body.message ?? '')?.[0] : undefined
  if (refusal !== undefined) return refusal.slice(0, longestDetail)
  const fields = (body.details?.causes ?? []).map(({ field, reason }) => `${field ?? '?'} ${reason ?? ''}`.trim())
  return fields.length === 0 ? undefined : fields.join(', ').slice(0, longestDetail)
}

type About = Pick<KubeErrorOptions, 'verb' | 'resource' | 'ref'>

/** The error of an answer that is not 2xx. `text` is its body, a Status in JSON or anything at all. */
export function errorOf(about: About, status: number, text: string, retryAfterMs?: number): KubeError {
  return errorOfStatus(about, parseStatus(text), status, retryAfterMs)
}

/** The error that a Status tells of; without `status`, the one inside it counts. */
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
