import { isUtf8 } from 'node:buffer'
import { SignetError } from '../errors.ts'
import { isRecord, member, textMember } from '../json.ts'

/** The body is not an admission.k8s.io/v1 AdmissionReview with a request. Code `ERR_ADMISSION_REVIEW`. */
export class AdmissionReviewError extends SignetError {
  constructor(message: string) {
    super('ERR_ADMISSION_REVIEW', message)
  }
}

/** The members that are read of an AdmissionReview's `request`. Missing strings are empty; `object` is not checked. */
export interface AdmissionRequest {
  readonly uid: string
  readonly operation: string
  readonly subResource: string
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly namespace: string
  readonly object: unknown
}

/** The deepest nesting that is parsed. Kubernetes' own types stay far below. */
const maxDepth = 512
/** A body up to this size, in bytes, cannot nest deeply enough to do harm. */
const shallowLength = 64 * 1024

/** Parses the body of an admission request. Throws an AdmissionReviewError that never quotes the body. */
export function parseAdmissionReview(body: Buffer): AdmissionRequest {
  const review = parseJson(body)
  const kind = textMember(review, 'kind')
  const apiVersion = textMember(review, 'apiVersion')
  if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1') {
    throw new AdmissionReviewError('not an AdmissionReview of admission.k8s.io/v1')
  }
  const request = member(review, 'request')
  if (!isRecord(request)) throw new AdmissionReviewError('the AdmissionReview has no request')
  const uid = textMember(request, 'uid') ?? ''
  if (uid === '') throw new AdmissionReviewError('the request has no uid')
  const kindOfObject = member(request, 'kind')
  return {
    uid,
    operation: textMember(request, 'operation') ?? '',
    subResource: textMember(request, 'subResource') ?? '',
    kind: {
      group: textMember(kindOfObject, 'group') ?? '',
      version: textMember(kindOfObject, 'version') ?? '',
      kind: textMember(kindOfObject, 'kind') ?? '',
    },
    namespace: textMember(request, 'namespace') ?? '',
    object: member(request, 'object'),
  }
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new AdmissionReviewError('the body is not UTF-8')
  if (body.length > shallowLength && isTooDeep(body)) throw new AdmissionReviewError('the body is nested too deep')
  try {
    // Keeps a byte order mark, which JSON.parse then refuses (RFC 8259 §8.1).
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new AdmissionReviewError('the body is not JSON')
  }
}

/** Whether brackets outside strings nest deeper than `maxDepth`. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index]
    if (byte === 0x22) {
      index += 1
      while (index < body.length && body[index] !== 0x22) index += body[index] === 0x5c ? 2 : 1
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1
      if (depth > maxDepth) return true
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1
  }
  return false
}
