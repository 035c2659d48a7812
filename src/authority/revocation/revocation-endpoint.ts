import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import { parseCompact } from '../../tokens/compact.ts'
import type { CallerAuthenticator } from '../callers/caller.ts'
import { callerOf, tokenOf } from '../callers/form-credentials.ts'
import type { FormEndpoint, FormResponse } from '../oauth/form-endpoint.ts'
import { OAuthError, TooManyRequests } from '../oauth/oauth-error.ts'
import { type IssuedTokenVerifier, unavailable } from '../verification/issued-token-verifier.ts'
import type { RateLimit } from '../oauth/rate-limit.ts'
import type { RecordName, RevocationStore } from '../../tokens/revocation-store.ts'

interface RevocationOptions {
  readonly authenticator: CallerAuthenticator
  readonly tokens: IssuedTokenVerifier
  readonly store: RevocationStore
  readonly clock: Clock
  /** The limit of stored revocations by subject: the API server, every replica and every verifier keep each of them. */
  readonly rates: RateLimit
  /** Called with the name of each stored TokenRevocation, to hint it to the other replicas. */
  readonly onStored: (record: RecordName) => void
  readonly logger: Logger
}

const done: FormResponse = { status: 200, body: '' }

/**
 * `POST /revoke` (RFC 7009). Answers 200 once the revocation is stored, and for every invalid token (§2.2);
 * `temporarily_unavailable` means that the token is not revoked. Only the identity that `sub` or `client_id` names may
 * revoke a token. Ownership is decided from the unverified claims, so that a refusal does not reveal whether another
 * client's token is valid.
 */
export function revocationEndpoint(options: RevocationOptions): FormEndpoint {
  const { authenticator, tokens, store, clock, rates, onStored, logger } = options
  return async (request) => {
    const caller = await callerOf(authenticator, request)
    const text = tokenOf(request)
    const claims = claimsOf(text)
    const subject = claims === undefined ? undefined : tokens.subjectOf(claims)
    if (claims === undefined || subject === undefined || tokens.issuerOf(claims, subject) === undefined) return done
    if (claims.sub !== caller.subject && claims.client_id !== caller.subject) {
      throw new OAuthError('unauthorized_client', 'the token belongs to another identity, which alone may revoke it')
    }
    const token = await tokens.verifyToRevoke(text)
    // A verifier whose clock is behind accepts an expired token for as long as the tolerance.
    if (token === undefined || token.claims.exp * SECOND + clockTolerance <= clock.now()) return done
    const waitMs = rates.take(caller.subject, clock.monotonic())
    if (waitMs > 0) throw new TooManyRequests(waitMs)
    const { jti, exp } = token.claims
    const identity = { namespace: subject.namespace, name: subject.name }
    let record: RecordName
    try {
      record = await store.add({ identity, tokenID: jti, expiresAt: exp * SECOND }, request.signal)
    } catch (error) {
      logger.warn('cannot store revocation', { subject: caller.subject, tokenID: jti, error: messageOf(error) })
      throw unavailable('the revocation could not be stored and the token is not revoked: try again', {
        cause: error,
        reason: 'not-stored',
      })
    }
    logger.info('token revoked by its owner', { subject: caller.subject, tokenID: jti })
    onStored(record)
    return done
  }
}

/** The unverified claims of a token; undefined for a text that is not a JWT. */
function claimsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseCompact(text).claims
  } catch {
    return undefined
  }
}
