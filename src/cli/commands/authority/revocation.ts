import type { CallerAuthenticator } from '../../../authority/callers/caller.ts'
import type { FormEndpoint } from '../../../authority/oauth/form-endpoint.ts'
import { RateLimit } from '../../../authority/oauth/rate-limit.ts'
import { RevocationDocuments } from '../../../authority/revocation/revocation-documents.ts'
import { revocationEndpoint } from '../../../authority/revocation/revocation-endpoint.ts'
import { RevocationHints } from '../../../authority/revocation/revocation-hints.ts'
import type { SharedCache } from '../../../authority/shared-cache/shared-cache.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import { TokenRevocationStore } from '../../../kube/revocations/token-revocation-store.ts'
import type { Logger } from '../../../logger.ts'
import { type Clock, systemClock } from '../../../time/clock.ts'
import type { AuthorityVerification } from './verification.ts'

interface AuthorityRevocationOptions {
  readonly client: KubeClient
  readonly issuer: string
  readonly verification: Pick<AuthorityVerification, 'tokens' | 'revocations' | 'earlierNow' | 'record'>
  readonly authenticator: CallerAuthenticator
  /** Absent without Redis: then revocations reach other replicas by their watch alone. */
  readonly sharedCache?: SharedCache | undefined
  readonly logger: Logger
  readonly clock?: Clock
}

interface AuthorityRevocation {
  /** `POST /revoke` */
  readonly revoke: FormEndpoint
  /** The live revocations, as served. */
  readonly documents: RevocationDocuments
  readonly close: () => void
}

/**
 * The rate limit of revocations by one identity: enough for a service's own tokens, and too low for a compromised one to
 * fill the list that every verifier downloads. All tokens of an identity are revoked by one TokenRevocation with a time.
 */
const revocationRate = { perSecond: 1, burstSeconds: 100 } as const

export function authorityRevocation(options: AuthorityRevocationOptions): AuthorityRevocation {
  const { client, issuer, verification, authenticator, sharedCache, logger, clock = systemClock } = options
  const { tokens, revocations, earlierNow, record } = verification
  const store = new TokenRevocationStore({ client, onRecord: record })
  const hints = sharedCache === undefined ? undefined : new RevocationHints({ cache: sharedCache, store, logger })
  return {
    revoke: revocationEndpoint({
      authenticator,
      tokens,
      store,
      clock,
      rates: new RateLimit(revocationRate),
      onStored: (stored) => hints?.send(stored),
      logger,
    }),
    documents: new RevocationDocuments({
      issuer,
      revocations,
      clock: { now: earlierNow, monotonic: () => clock.monotonic() },
    }),
    close: () => hints?.close(),
  }
}
