import { introspectionEndpoint } from '../../src/authority/introspection/introspection-endpoint.ts'
import { VerificationKeys } from '../../src/authority/verification/verification-keys.ts'
import { IssuedTokenVerifier } from '../../src/authority/verification/issued-token-verifier.ts'
import type { PublicKeySource } from '../../src/keys/public-key-source.ts'
import { RateLimit } from '../../src/authority/oauth/rate-limit.ts'
import type { RevocationStore } from '../../src/tokens/revocation-store.ts'
import { revocationEndpoint } from '../../src/authority/revocation/revocation-endpoint.ts'
import type { RevocationDocuments } from '../../src/authority/revocation/revocation-documents.ts'
import type { CallerAuthenticator } from '../../src/authority/callers/caller.ts'
import type { FormEndpoint } from '../../src/authority/oauth/form-endpoint.ts'
import type { Revocations } from '../../src/tokens/revocations.ts'
import type { Clock } from '../../src/time/clock.ts'
import { SECOND } from '../../src/time/duration.ts'
import { formatSpiffeId } from '../../src/identity/spiffe-id.ts'
import { silentLogger } from '../../src/logger.ts'
import { FakeRevocations } from './revocations.ts'

/** What introspects and revokes, as the command puts it together. */
export interface Revoking {
  readonly revocations: Revocations
  readonly tokens: IssuedTokenVerifier
  readonly serve: (authenticator: CallerAuthenticator) => {
    readonly introspect: FormEndpoint
    readonly revoke: FormEndpoint
    readonly documents?: RevocationDocuments
  }
  readonly close: () => void
}

export interface RevokingBasis {
  readonly issuer: string
  readonly source: PublicKeySource
  readonly clock: Clock
}

export interface MemoryRevokingOptions {
  /** Whether keys and revocations have been read. */
  readonly hasRead?: () => boolean
  readonly canStore?: () => boolean
}

const trustDomain = 'cluster.local'

/** Both endpoints, with revocations that nobody stores. */
export function memoryRevoking(
  { issuer, source, clock }: RevokingBasis,
  { hasRead = () => true, canStore = () => true }: MemoryRevokingOptions = {},
): Revoking {
  const keys = new VerificationKeys({ source, logger: silentLogger })
  const revocations = new FakeRevocations()
  const tokens = new IssuedTokenVerifier({
    issuer,
    trustDomain,
    keys: {
      ready: () => hasRead() && keys.ready(),
      key: (kid) => keys.key(kid),
      withdrawn: (kid) => keys.withdrawn(kid),
      exists: (identity) => keys.exists(identity),
    },
    revocations,
    clock,
  })
  const store: RevocationStore = {
    add: async ({ identity, tokenID, expiresAt }) => {
      if (!canStore()) throw new Error('the store is away')
      const { namespace, name } = identity
      revocations.add({
        sub: formatSpiffeId({ trustDomain, namespace, name }),
        jti: tokenID,
        exp: Math.ceil(expiresAt / SECOND),
      })
      return { namespace, name: tokenID }
    },
    look: async () => true,
  }
  return {
    revocations,
    tokens,
    serve: (authenticator) => ({
      introspect: introspectionEndpoint({ authenticator, tokens, trustDomain, introspectors: new Set() }),
      revoke: revocationEndpoint({
        authenticator,
        tokens,
        store,
        clock,
        rates: new RateLimit({ perSecond: 0 }),
        onStored: () => undefined,
        logger: silentLogger,
      }),
    }),
    close: () => keys.close(),
  }
}
