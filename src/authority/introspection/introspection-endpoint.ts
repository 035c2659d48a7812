import { identityKey } from '../../identity/service-identity.ts'
import type { Caller, CallerAuthenticator } from '../callers/caller.ts'
import { callerOf, tokenOf } from '../callers/form-credentials.ts'
import type { FormAnswer, FormEndpoint } from '../oauth/form-endpoint.ts'
import { ownsAudience } from './audience-owner.ts'
import type { PresentedTokens, VerifiedToken } from '../verification/issued-token-verifier.ts'

interface IntrospectionOptions {
  readonly authenticator: CallerAuthenticator
  readonly tokens: PresentedTokens
  readonly trustDomain: string
  /** Identities such as `shop/gateway` that may ask about tokens for any audience. */
  readonly introspectors: ReadonlySet<string>
}

/** RFC 7662 §2.2: nothing is said of a token that is not live, nor of one that is somebody else's to know. */
const inactive: FormAnswer = { status: 200, body: '{"active":false}' }

/**
 * `POST /introspect` (RFC 7662). Answers only about live tokens that are meant for the caller, and `{"active":false}` for
 * everything else: what the caller may not know looks like what does not exist. Where keys or revocations have not been
 * read it rejects with `temporarily_unavailable`, which is no answer about the token (I6).
 */
export function introspect({ authenticator, tokens, trustDomain, introspectors }: IntrospectionOptions): FormEndpoint {
  return async (request) => {
    const caller = await callerOf(authenticator, request)
    const token = await tokens.verify(tokenOf(request))
    if (token === undefined || !tokens.isLive(token)) return inactive
    if (!introspectors.has(identityKey(caller.identity)) && !isMeantFor(caller, token, trustDomain)) return inactive
    return { status: 200, body: (token.answer ??= answerOf(token)) }
  }
}

function isMeantFor({ identity }: Caller, { claims: { aud }, subject }: VerifiedToken, trustDomain: string): boolean {
  const owner = { trustDomain, namespace: identity.namespace, name: identity.name }
  const audiences = typeof aud === 'string' ? [aud] : aud
  return audiences.some((audience) => ownsAudience(owner, audience, subject))
}

/** RFC 7662 §2.2. Claims of the installation's own are not repeated: the caller has the token. */
function answerOf({ claims }: VerifiedToken): string {
  const { iss, sub, aud, exp, iat, nbf, jti, client_id, scope } = claims
  return JSON.stringify({ active: true, iss, sub, aud, exp, iat, nbf, jti, client_id, scope, token_type: 'Bearer' })
}
