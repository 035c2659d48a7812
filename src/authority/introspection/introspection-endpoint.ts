import { identityKey } from '../../identity/service-identity.ts'
import type { Caller, CallerAuthenticator } from '../callers/caller.ts'
import { callerOf, tokenOf } from '../callers/form-credentials.ts'
import type { FormEndpoint, FormResponse } from '../oauth/form-endpoint.ts'
import { ownsAudience } from './audience-owner.ts'
import type { IssuedTokenVerifier, PresentedToken } from '../verification/issued-token-verifier.ts'

interface IntrospectionOptions {
  readonly authenticator: CallerAuthenticator
  readonly tokens: IssuedTokenVerifier
  readonly trustDomain: string
  /** Identities, such as `shop/gateway`, that may introspect tokens for any audience. */
  readonly introspectors: ReadonlySet<string>
}

/** The response for a token that is not live or not meant for the caller (RFC 7662 §2.2). */
const inactive: FormResponse = { status: 200, body: '{"active":false}' }

/**
 * `POST /introspect` (RFC 7662). Describes live tokens that are meant for the caller; every other token, and any other
 * text, is `{"active":false}`, so that the response reveals nothing else. Rejects with `temporarily_unavailable` while
 * keys or revocations have not been read, which is no answer about the token (I6).
 */
export function introspectionEndpoint(options: IntrospectionOptions): FormEndpoint {
  const { authenticator, tokens, trustDomain, introspectors } = options
  return async (request) => {
    const caller = await callerOf(authenticator, request)
    const token = await tokens.verify(tokenOf(request))
    if (token === undefined || !tokens.isLive(token)) return inactive
    if (!introspectors.has(identityKey(caller.identity)) && !isMeantFor(caller, token, trustDomain)) return inactive
    return { status: 200, body: (token.answer ??= answerOf(token)) }
  }
}

function isMeantFor({ identity }: Caller, { claims: { aud }, subject }: PresentedToken, trustDomain: string): boolean {
  const owner = { trustDomain, namespace: identity.namespace, name: identity.name }
  const audiences = typeof aud === 'string' ? [aud] : aud
  return audiences.some((audience) => ownsAudience(owner, audience, subject))
}

/** The members of RFC 7662 §2.2. Extra claims are left out: the caller has the token. */
function answerOf({ claims }: PresentedToken): string {
  const { iss, sub, aud, exp, iat, nbf, jti, client_id, scope } = claims
  return JSON.stringify({ active: true, iss, sub, aud, exp, iat, nbf, jti, client_id, scope, token_type: 'Bearer' })
}
