import { join } from 'node:path'
import type { TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { combinedRevocations } from '../../../authority/revocation/combined-revocations.ts'
import { DeletedIdentities } from '../../../authority/revocation/deleted-identities.ts'
import type { SharedCache } from '../../../authority/shared-cache/shared-cache.ts'
import { IssuedTokenVerifier } from '../../../authority/verification/issued-token-verifier.ts'
import { limitedKeyLookup } from '../../../authority/verification/limited-key-lookup.ts'
import { SharedVerifications } from '../../../authority/verification/shared-verifications.ts'
import { VerificationKeys } from '../../../authority/verification/verification-keys.ts'
import type { PublicKeySource } from '../../../keys/public-key-source.ts'
import { Reflector } from '../../../kube/cache/reflector.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { HttpKubeClient } from '../../../kube/client/http-client.ts'
import type { KubeObject } from '../../../kube/client/object.ts'
import { resources } from '../../../kube/client/resource.ts'
import { keyLookup } from '../../../kube/keys/key-lookup.ts'
import { type CachedRevocation, revocationTransform } from '../../../kube/revocations/revocation-transform.ts'
import { TokenRevocationCache } from '../../../kube/revocations/token-revocation-cache.ts'
import type { Logger } from '../../../logger.ts'
import { type Clock, systemClock } from '../../../time/clock.ts'
import type { Revocations } from '../../../tokens/revocations.ts'
import { servingKey } from './serving-key.ts'

interface AuthorityVerificationOptions {
  readonly client: KubeClient & Pick<HttpKubeClient, 'clockOffset'>
  /** The namespace of the operator, with the public ConfigMaps. */
  readonly namespace: string
  readonly source: PublicKeySource
  /** When the API server last confirmed the published keys, in milliseconds of the monotonic clock; undefined before. */
  readonly keysConfirmedAt: () => number | undefined
  readonly issuer: string
  readonly trustDomain: string
  readonly watchNamespaces: readonly string[]
  readonly certificateDirectory: string
  /** Absent without Redis: a cache in memory would only repeat what the process remembers anyway. */
  readonly sharedCache?: SharedCache | undefined
  readonly logger: Logger
  readonly clock?: Clock
}

/** The verification of Signet tokens, and what it is based on: keys, identities and revocations. */
export interface AuthorityVerification {
  readonly keys: VerificationKeys
  readonly revocations: Revocations
  readonly tokens: IssuedTokenVerifier
  /** The earlier of the local time and the API server's: no single wrong clock ends a revocation early. */
  readonly earlierNow: () => number
  /** Takes a stored revocation into account at once, before the watch delivers it. */
  readonly record: (revocation: TokenRevocation & KubeObject) => void
  readonly notReady: () => string | undefined
  /** Watches until the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

export function authorityVerification(options: AuthorityVerificationOptions): AuthorityVerification {
  const { client, source, issuer, trustDomain, watchNamespaces, sharedCache, logger, clock = systemClock } = options
  const transform = revocationTransform(trustDomain)
  const serverNow = (): number => clock.now() - (client.clockOffset() ?? 0)
  const earlierNow = (): number => Math.min(clock.now(), serverNow())
  const reflector = new Reflector<CachedRevocation>({
    client,
    resource: resources.tokenRevocations,
    ...(watchNamespaces.length === 0 ? {} : { namespaces: watchNamespaces }),
    transform: (object) => transform(object as TokenRevocation & KubeObject),
    logger,
  })
  const recorded = new TokenRevocationCache({ reflector, now: earlierNow, serverNow })
  const keys = new VerificationKeys({ source, logger })
  const deleted = new DeletedIdentities({ keys, trustDomain, clock })
  const revocations = combinedRevocations(recorded, deleted)
  const tokens = new IssuedTokenVerifier({
    issuer,
    trustDomain,
    keys,
    revocations,
    clock,
    knownUntil: () => {
      const confirmedAt = options.keysConfirmedAt()
      return confirmedAt === undefined || keys.isBehind() ? undefined : clock.now() - (clock.monotonic() - confirmedAt)
    },
    lookForKey: limitedKeyLookup(keyLookup({ client, namespace: options.namespace, logger }), clock),
    shared:
      sharedCache === undefined
        ? undefined
        : new SharedVerifications({
            cache: sharedCache,
            secret: servingKey(join(options.certificateDirectory, 'tls.key'), clock),
          }),
  })
  return {
    keys,
    revocations,
    tokens,
    earlierNow,
    record: (revocation) => recorded.apply(transform(revocation)),
    notReady: () => (recorded.ready() ? undefined : 'revocations have not been read yet'),
    run: (signal) => reflector.run(signal),
    close: () => {
      deleted.close()
      keys.close()
      recorded.close()
    },
  }
}
