import { parseSpiffeId } from '../identity/spiffe-id.ts'

interface IssuanceInput {
  /** The SPIFFE ID that the caller has proved. */
  readonly subject: string
  readonly trustDomain: string
  /** The requested audience. */
  readonly audience: string
  readonly scopes: readonly string[]
  /** The scopes that the installation permits. */
  readonly allowedScopes: ReadonlySet<string>
}

/** The parameter at fault, and the remedy. */
interface IssuanceProblem {
  readonly parameter: 'audience' | 'scope'
  readonly message: string
}

/**
 * Decides whether a caller may have a token for an audience; no other code does. Every identity of the trust domain
 * may, for any audience. Scopes are chosen by the caller and might be mistaken for permissions, so only those listed by
 * the installation are issued.
 */
export function issuanceProblem(input: IssuanceInput): IssuanceProblem | undefined {
  const { subject, trustDomain, scopes, allowedScopes } = input
  if (parseSpiffeId(subject)?.trustDomain !== trustDomain) {
    return { parameter: 'audience', message: 'the caller is of another trust domain' }
  }
  const refused = scopes.some((scope) => !allowedScopes.has(scope))
  if (!refused) return undefined
  return {
    parameter: 'scope',
    message: "a scope is not allowed here: add it to the chart's tokenExchange.allowedScopes",
  }
}
