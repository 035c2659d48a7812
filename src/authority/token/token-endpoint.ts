import { issuanceProblem } from '../../policy/issuance.ts'
import type { Caller, CallerAuthenticator } from '../callers/caller.ts'
import type { FormAnswer, FormEndpoint } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import type { IssuedToken, TokenIssuer } from './token-issuer.ts'
import { type Grant, readTokenRequest, type TokenRequest, tokenTypeUris } from './token-request.ts'

interface TokenEndpointOptions {
  readonly authenticator: CallerAuthenticator
  readonly issuer: Pick<TokenIssuer, 'issue'>
  readonly trustDomain: string
  /** The scopes that identities may ask for. */
  readonly allowedScopes: ReadonlySet<string>
  /** Told of every token that is given out, for metrics. */
  readonly onIssued?: (grant: Grant, reused: boolean) => void
}

/**
 * `POST /token`: an exchange of a projected ServiceAccount token (RFC 8693), or client credentials with that token as
 * assertion (RFC 6749 §4.4, RFC 7523 §2.2). Both lead to the caller's own identity and nowhere else.
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
    return answerOf(request, issued, scope)
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
  // Nobody exchanges another's token: who holds one by mistake or by theft gains nothing here.
  if (sender.subject === caller.subject) return caller
  throw new OAuthError('invalid_client', 'the client is not the subject of subject_token', { reason: 'other-client' })
}

/** RFC 8693 §2.2.2: a subject token that is not accepted makes the request invalid, not the client. */
async function subjectOf(authenticator: CallerAuthenticator, { subject, client }: TokenRequest): Promise<Caller> {
  try {
    return client === undefined ? await authenticator.authenticate(subject) : await authenticator.identify(subject)
  } catch (error) {
    if (!(error instanceof OAuthError) || error.error !== 'invalid_client') throw error
    const { description, reason } = error
    throw new OAuthError('invalid_request', `subject_token is not accepted: ${description}`, {
      cause: error,
      ...(reason === undefined ? {} : { reason }),
    })
  }
}

/** RFC 8693 §2.2.1, RFC 6749 §5.1. Nothing in it needs escaping but the scope. */
function answerOf({ grant, profile }: TokenRequest, { token, expiresIn }: IssuedToken, scope: string): FormAnswer {
  // A JWT-SVID is no access token: how it is presented is between the caller and its audience.
  const [type, use] = profile === 'AccessToken' ? [tokenTypeUris.accessToken, 'Bearer'] : [tokenTypeUris.jwt, 'N_A']
  const issuedType = grant === 'exchange' ? `"issued_token_type":"${type}",` : ''
  const scopes = scope === '' ? '' : `,"scope":${JSON.stringify(scope)}`
  return {
    status: 200,
    body: `{"access_token":"${token}",${issuedType}"token_type":"${use}","expires_in":${expiresIn}${scopes}}`,
  }
}
