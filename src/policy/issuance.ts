import { parseSpiffeId } from '../identity/spiffe-id.ts'

interface IssuanceInput {
  /** The SPIFFE ID of whom the token is to be about, who has proved it and exists. */
  readonly subject: string
  readonly trustDomain: string
  /** Who the token is to be for. */
  readonly audience: string
  readonly scopes: readonly string[]
  /** The scopes that the installation lets identities ask for. */
  readonly allowedScopes: ReadonlySet<string>
}

/** Why a token is not issued: the parameter at fault, and the remedy. */
interface IssuanceProblem {
  readonly parameter: 'audience' | 'scope'
  readonly message: string
}

/**
 * Whether a caller may have a token for an audience: the one place that decides it. Every identity of the trust domain
 * may, for any audience. A scope is the caller's own word, which a relying party might take for a right: only those are
 * issued that the installation lists.
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
