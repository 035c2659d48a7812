import { parseDuration } from '../../time/duration.ts'
import { minLifetimeWithoutNudge, safePublishAhead } from '../../rotation/lifetimes.ts'
import { claimProblem, maxExtraClaimsBytes, quoteClaim } from '../../tokens/claims.ts'
import type { ServiceIdentitySpec, TokenSpec } from './types.ts'

/** A problem with one field; the message contains field, value and remedy. */
interface FieldViolation {
  /** A field path, for example `spec.tokens[0].lifetime`. */
  readonly field: string
  readonly message: string
}

/** The settings of the installation that limit all identities. */
export interface SpecSettings {
  readonly nudge: 'Always' | 'Urgent' | 'Never'
  readonly allowedClaims: readonly string[]
}

/** The first violations suffice to start with. */
const mostViolations = 20

/**
 * The violations of a spec that the CRD schema cannot express, because they depend on the installation or on the types
 * of claims. Empty for a valid spec. Stops after 20 and adds an entry that says so. Checked at admission and again by
 * the controller, because the webhook may have been unavailable.
 */
export function violationsOf(spec: ServiceIdentitySpec, settings: SpecSettings): readonly FieldViolation[] {
  const found: FieldViolation[] = []
  for (const next of allViolations(spec, settings)) {
    if (found.length === mostViolations) return [...found, violation('spec.tokens', 'and more')]
    found.push(next)
  }
  return found
}

/** Warnings about an accepted spec, shown to the user who applies it. */
export function warningsOf({ signingKey }: ServiceIdentitySpec): readonly string[] {
  const { publishAhead } = signingKey ?? {}
  if (publishAhead === undefined || (parseDuration(publishAhead) ?? safePublishAhead) >= safePublishAhead) return []
  return [
    `spec.signingKey.publishAhead: ${publishAhead} is under 20m, the time for which many verifiers cache a JWK Set: ` +
      'after a rotation they may refuse valid tokens',
  ]
}

/** Generated lazily: the caller stops after the first few. */
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
