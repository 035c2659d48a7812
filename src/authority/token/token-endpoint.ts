import { issuanceProblem } from '../../policy/issuance.ts'
import type { Caller, CallerAuthenticator } from '../callers/caller.ts'
import type { FormEndpoint, FormResponse } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { type Grant, tokenTypeUris } from '../oauth/parameters.ts'
import type { Issuance, TokenIssuer } from './token-issuer.ts'
import { readTokenRequest, type TokenRequest } from './token-request.ts'

interface TokenEndpointOptions {
  readonly authenticator: CallerAuthenticator
  readonly issuer: Pick<TokenIssuer, 'issue'>
  readonly trustDomain: string
  /** The scopes that callers may request. */
  readonly allowedScopes: ReadonlySet<string>
  /** Called for every issued token, for metrics. */
  readonly onIssued?: (grant: Grant, reused: boolean) => void
}

/**
 * `POST /token`: exchanges a projected ServiceAccount token (RFC 8693), or takes it as the assertion of client
 * credentials (RFC 6749 §4.4, RFC 7523 §2.2). The issued token's subject is always the caller's own identity.
 */
export function tokenEndpoint(options: TokenEndpointOptions): FormEndpoint {
  const { issuer, trustDomain, allowedScopes, onIssued } = options
  return async (form) => {
    const request = readTokenRequest(form)
    const caller = await callerOf(options.authenticator, request)
    const { profile, scopes, audience = trustDomain } = request
    const problem = issuanceProblem({ subject: caller.subject, trustDomain, audience, scopes, allowedScopes })
    if (problem !== undefined) {
      const code = problem.parameter === 'scope' ? 'invalid_scope' : 'invalid_target'
      throw new OAuthError(code, problem.message, { reason: 'policy' })
    }
    const scope = scopes.join(' ')
    const issued = await issuer.issue({ caller, profile, audience, scope })
    onIssued?.(request.grant, issued.reused)
    return responseOf(request, issued, scope)
  }
}

async function callerOf(authenticator: CallerAuthenticator, request: TokenRequest): Promise<Caller> {
  const { grant, subject, client, clientID } = request
  const caller =
    grant === 'exchange' ? await subjectOf(authenticator, request) : await authenticator.authenticate(subject)
  if (clientID !== undefined && clientID !== caller.subject) {
    throw new OAuthError('invalid_client', "client_id is not the caller's SPIFFE ID", { reason: 'client-id' })
  }
  if (client === undefined) return caller
  const sender = await authenticator.authenticate(client)
  // A client cannot exchange another identity's token, stolen or received by mistake.
  if (sender.subject === caller.subject) return caller
  throw new OAuthError('invalid_client', 'the client is not the subject of subject_token', { reason: 'other-client' })
}

/** An invalid subject token is `invalid_request`, not `invalid_client` (RFC 8693 §2.2.2). */
async function subjectOf(authenticator: CallerAuthenticator, { subject, client }: TokenRequest): Promise<Caller> {
  try {
    return client === undefined ? await authenticator.authenticate(subject) : await authenticator.identify(subject)
  } catch (error) {
    if (!(error instanceof OAuthError) || error.error !== 'invalid_client') throw error
    const { description, reason } = error
    throw new OAuthError('invalid_request', `subject_token is invalid: ${description}`, {
      cause: error,
      ...(reason === undefined ? {} : { reason }),
    })
  }
}

/** The response of RFC 8693 §2.2.1 and RFC 6749 §5.1. Only the scope may need escaping. */
function responseOf({ grant, profile }: TokenRequest, { token, expiresIn }: Issuance, scope: string): FormResponse {
  // A JWT-SVID is not an access token: RFC 8693 §2.2.1 has `N_A` for such tokens.
  const [type, use] = profile === 'AccessToken' ? [tokenTypeUris.accessToken, 'Bearer'] : [tokenTypeUris.jwt, 'N_A']
  const issuedType = grant === 'exchange' ? `"issued_token_type":"${type}",` : ''
  const scopes = scope === '' ? '' : `,"scope":${JSON.stringify(scope)}`
  return {
    status: 200,
    body: `{"access_token":"${token}",${issuedType}"token_type":"${use}","expires_in":${expiresIn}${scopes}}`,
  }
}
