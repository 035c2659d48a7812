import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import { parseCompact } from '../../tokens/compact.ts'
import type { CallerAuthenticator } from '../callers/caller.ts'
import { callerOf, tokenOf } from '../callers/form-credentials.ts'
import type { FormAnswer, FormEndpoint } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { type PresentedTokens, unavailable } from '../verification/issued-token-verifier.ts'
import { type RateLimit, TooManyRequests } from '../oauth/rate-limit.ts'
import type { RecordName, RevocationStore } from '../../tokens/revocation-store.ts'

interface RevocationOptions {
  readonly authenticator: CallerAuthenticator
  readonly tokens: PresentedTokens
  readonly store: RevocationStore
  readonly clock: Clock
  /** By subject, of what is stored: each record is kept by everybody, from the API server to the last verifier. */
  readonly rates: RateLimit
  /** Told of each record that has been stored, to pass it on to other replicas. */
  readonly onStored: (record: RecordName) => void
  readonly logger: Logger
}

const done: FormAnswer = { status: 200, body: '' }

/**
 * `POST /revoke` (RFC 7009). Answers 200 once the revocation is stored, and for every token that is not valid (§2.2);
 * `temporarily_unavailable` means that it is not revoked. Only its owner may revoke a token: whoever its `sub` or
 * `client_id` names. That is judged by what the token says before it is verified, so that the refusal of somebody else's
 * token does not tell whether it is a good one.
 */
export function revoke({
  authenticator,
  tokens,
  store,
  clock,
  rates,
  onStored,
  logger,
}: RevocationOptions): FormEndpoint {
  return async (request) => {
    const caller = await callerOf(authenticator, request)
    const text = tokenOf(request)
    const claims = claimsOf(text)
    const subject = claims === undefined ? undefined : tokens.subjectOf(claims)
    if (claims === undefined || subject === undefined || tokens.issuerOf(claims, subject) === undefined) return done
    if (claims.sub !== caller.subject && claims.client_id !== caller.subject) {
      throw new OAuthError('unauthorized_client', 'the token is of another identity: only its own may revoke it')
    }
    const token = await tokens.verifyToRevoke(text)
    // Until then somebody whose clock is behind takes it for a live one.
    if (token === undefined || token.claims.exp * SECOND + clockTolerance <= clock.now()) return done
    const waitMs = rates.take(caller.subject, clock.monotonic())
    if (waitMs > 0) throw new TooManyRequests(waitMs)
    const { jti, exp } = token.claims
    const identity = { namespace: subject.namespace, name: subject.name }
    let record: RecordName
    try {
      record = await store.add({ identity, tokenID: jti, expiresAt: exp * SECOND }, request.signal)
    } catch (error) {
      logger.warn('revocation could not be stored', { subject: caller.subject, tokenID: jti, error: messageOf(error) })
      throw unavailable('the revocation could not be stored: the token is not revoked, ask again', {
        cause: error,
        reason: 'not-stored',
      })
    }
    logger.info('token revoked by its owner', { subject: caller.subject, tokenID: jti })
    onStored(record)
    return done
  }
}

/** What a text says that may be a token; nothing of it is believed. */
function claimsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseCompact(text).claims
  } catch {
    return undefined
  }
}
