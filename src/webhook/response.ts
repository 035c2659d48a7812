import type { PatchOperation } from './patch.ts'

/** The decision on an admission request. Warnings are shown to the user. */
export type AdmissionVerdict =
  | { readonly allowed: true; readonly patch?: readonly PatchOperation[]; readonly warnings?: readonly string[] }
  | {
      readonly allowed: false
      readonly message: string
      readonly causes?: readonly Cause[]
      /** The object that the causes are about. */
      readonly of?: { readonly group: string; readonly kind: string; readonly name: string }
    }

/** A problem with one field. Clients show it as `field: message`. */
interface Cause {
  readonly field: string
  readonly message: string
}

/** The status code that the API server uses for invalid objects. */
const unprocessable = 422

/**
 * The AdmissionReview response as JSON. `patch` and `patchType` are both present or both absent: the API server rejects
 * one alone.
 */
export function admissionResponse(uid: string, verdict: AdmissionVerdict): string {
  return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":${responseOf(uid, verdict)}}`
}

function responseOf(uid: string, verdict: AdmissionVerdict): string {
  const id = JSON.stringify(uid)
  if (!verdict.allowed) {
    const { message, causes = [], of } = verdict
    const status = {
      code: unprocessable,
      reason: 'Invalid',
      message,
      ...(causes.length === 0
        ? {}
        : { details: { ...of, causes: causes.map((cause) => ({ reason: 'FieldValueInvalid', ...cause })) } }),
    }
    return `{"uid":${id},"allowed":false,"status":${JSON.stringify(status)}}`
  }
  const { patch = [], warnings = [] } = verdict
  const patched =
    patch.length === 0 ? '' : `,"patchType":"JSONPatch","patch":"${Buffer.from(patchText(patch)).toString('base64')}"`
  const warned = warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`
  return `{"uid":${id},"allowed":true${patched}${warned}}`
}

function patchText(patch: readonly PatchOperation[]): string {
  let text = ''
  for (const { op, path, value } of patch) {
    const pointer = plain.test(path) ? `"${path}"` : JSON.stringify(path)
    text += `${text === '' ? '[' : ','}{"op":"${op}","path":${pointer},"value":${valueText(value)}}`
  }
  return `${text}]`
}

/** Texts that JSON needs no escaping for. */
const plain = /^[\w/~.-]*$/

/** The JSON of frozen values, which are most of every patch. */
const written = new WeakMap<object, string>()

/** A frozen value is a deep constant, so its JSON is reused. */
function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null || !Object.isFrozen(value)) return JSON.stringify(value)
  const before = written.get(value)
  if (before !== undefined) return before
  const text = JSON.stringify(value)
  written.set(value, text)
  return text
}
