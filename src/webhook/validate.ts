import { group, serviceIdentities, version } from '../api/v1alpha1/group-version.ts'
import type { ServiceIdentitySpec } from '../api/v1alpha1/types.ts'
import { type SpecSettings, violationsOf, warningsOf } from '../api/v1alpha1/validate.ts'
import type { AdmissionRequest } from './admission-review.ts'
import { isRecord, member, textMember } from '../json.ts'
import type { AdmissionVerdict } from './response.ts'

/**
 * Validates a created or updated ServiceIdentity and reports all problems together. The API server checks the schema
 * first; a spec of another form is refused here as well.
 */
export function validateServiceIdentity(request: AdmissionRequest, settings: SpecSettings): AdmissionVerdict {
  if (!isServiceIdentity(request)) return { allowed: true }
  const spec = member(request.object, 'spec') ?? {}
  if (!isSpec(spec)) return { allowed: false, message: 'spec does not match the schema of ServiceIdentity' }
  const violations = violationsOf(spec, settings)
  if (violations.length === 0) {
    const warnings = warningsOf(spec)
    return warnings.length === 0 ? { allowed: true } : { allowed: true, warnings }
  }
  const message = violations.map((violation) => violation.message).join('; ')
  const { group, kind } = request.kind
  const name = textMember(member(request.object, 'metadata'), 'name') ?? ''
  const causes = violations.map(({ field, message }) => ({ field, message: message.slice(`${field}: `.length) }))
  return { allowed: false, message, causes, of: { group, kind, name } }
}

function isServiceIdentity({ operation, subResource, kind }: AdmissionRequest): boolean {
  return (
    (operation === 'CREATE' || operation === 'UPDATE') &&
    subResource === '' &&
    kind.group === group &&
    kind.version === version &&
    kind.kind === serviceIdentities.kind
  )
}

/** Whether the members read by `violationsOf` and `warningsOf` have the types of the schema. */
function isSpec(value: unknown): value is ServiceIdentitySpec {
  if (!isRecord(value)) return false
  const tokens = member(value, 'tokens') ?? []
  const signingKey = member(value, 'signingKey') ?? {}
  return Array.isArray(tokens) && tokens.every(isToken) && isSigningKey(signingKey)
}

function isToken(value: unknown): boolean {
  const lifetime = member(value, 'lifetime')
  return (
    isRecord(value) &&
    (lifetime === undefined || typeof lifetime === 'string') &&
    isRecord(member(value, 'claims') ?? {})
  )
}

function isSigningKey(value: unknown): boolean {
  const publishAhead = member(value, 'publishAhead')
  return isRecord(value) && (publishAhead === undefined || typeof publishAhead === 'string')
}
