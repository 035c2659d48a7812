import { parseDuration } from '../../time/duration.ts'
import { minLifetimeWithoutNudge, safePublishAhead } from '../../rotation/lifetimes.ts'
import { claimProblem, maxExtraClaimsBytes, quoteClaim } from '../../tokens/claims.ts'
import type { ServiceIdentitySpec, TokenSpec } from './types.ts'

/** What one field of a resource does wrong; the message names field, value and remedy. */
interface FieldViolation {
  /** As in `spec.tokens[0].lifetime`. */
  readonly field: string
  readonly message: string
}

/** What the chart decides for all identities, as far as it limits what they may ask for. */
export interface SpecSettings {
  readonly nudge: 'Always' | 'Urgent' | 'Never'
  readonly allowedClaims: readonly string[]
}

/** Whoever has mended these is told of the next. */
const mostViolations = 20

/**
 * What the CRD's schema cannot refuse because it depends on the installation, or on a claim's type. Empty where all is
 * well; after the first 20 it looks no further, and one more entry says so. Refused at admission, and again by the
 * controller, since the webhook may have been away.
 */
export function violationsOf(spec: ServiceIdentitySpec, settings: SpecSettings): readonly FieldViolation[] {
  const found: FieldViolation[] = []
  for (const next of allViolations(spec, settings)) {
    if (found.length === mostViolations) return [...found, violation('spec.tokens', 'and more')]
    found.push(next)
  }
  return found
}

/** What is accepted and yet worth a second thought, as sentences for whoever applies it. */
export function warningsOf({ signingKey }: ServiceIdentitySpec): readonly string[] {
  const { publishAhead } = signingKey ?? {}
  if (publishAhead === undefined || (parseDuration(publishAhead) ?? safePublishAhead) >= safePublishAhead) return []
  return [
    `spec.signingKey.publishAhead: ${publishAhead} is under 20m, for which many verifiers keep a JWK Set: after a ` +
      'rotation they may refuse good tokens',
  ]
}

/** One at a time, so that nobody pays for those that nobody reads. */
function* allViolations(spec: ServiceIdentitySpec, settings: SpecSettings): Generator<FieldViolation> {
  for (const [index, token] of (spec.tokens ?? []).entries()) {
    yield* lifetimeViolations(token, `spec.tokens[${index}].lifetime`, settings)
    yield* claimViolations(token.claims ?? {}, `spec.tokens[${index}].claims`, settings)
  }
}

function* lifetimeViolations(
  { lifetime }: TokenSpec,
  field: string,
  { nudge }: SpecSettings,
): Generator<FieldViolation> {
  if (lifetime === undefined || nudge !== 'Never') return
  const milliseconds = parseDuration(lifetime)
  if (milliseconds === undefined || milliseconds >= minLifetimeWithoutNudge) return
  yield violation(
    field,
    `${lifetime} is under 15m, and without nudging a renewed token reaches its file too late: choose 15m or more, or ` +
      "set the chart's nudge to Urgent",
  )
}

function* claimViolations(
  claims: Readonly<Record<string, unknown>>,
  field: string,
  settings: SpecSettings,
): Generator<FieldViolation> {
  let found = false
  for (const [name, value] of Object.entries(claims)) {
    const problem = claimProblem(name, value, settings.allowedClaims)
    if (problem === undefined) continue
    found = true
    yield violation(memberOf(field, name), problem)
  }
  if (found) return
  const bytes = Buffer.byteLength(JSON.stringify(claims))
  if (bytes <= maxExtraClaimsBytes) return
  yield violation(field, `claims have ${bytes} bytes as JSON, more than ${maxExtraClaimsBytes}: remove or shorten some`)
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

function memberOf(field: string, name: string): string {
  return identifier.test(name) ? `${field}.${name}` : `${field}[${quoteClaim(name)}]`
}

function violation(field: string, problem: string): FieldViolation {
  return { field, message: `${field}: ${problem}` }
}
