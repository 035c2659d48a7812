import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { allRevocations } from '../../../authority/revocation/combined-revocations.ts'
import type { CallerAuthenticator } from '../../../authority/callers/caller.ts'
import { DeletedIdentities } from '../../../authority/revocation/deleted-identities.ts'
import type { FormEndpoint } from '../../../authority/oauth/form-endpoint.ts'
import { introspect } from '../../../authority/introspection/introspection-endpoint.ts'
import { limitedLookup } from '../../../authority/verification/limited-key-lookup.ts'
import { KnownKeys } from '../../../authority/verification/verification-keys.ts'
import { PresentedTokens } from '../../../authority/verification/issued-token-verifier.ts'
import type { PublicKeySource } from '../../../keys/public-key-source.ts'
import { RateLimit } from '../../../authority/oauth/rate-limit.ts'
import { RevocationFeed } from '../../../authority/revocation/revocation-list.ts'
import { RevocationHints } from '../../../authority/revocation/revocation-hints.ts'
import type { Revocations } from '../../../tokens/revocations.ts'
import { revoke } from '../../../authority/revocation/revocation-endpoint.ts'
import type { SharedCache } from '../../../authority/shared-cache/shared-cache.ts'
import { SharedVerifications } from '../../../authority/verification/shared-verifications.ts'
import { type Clock, systemClock } from '../../../time/clock.ts'
import { MINUTE } from '../../../time/duration.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { HttpKubeClient } from '../../../kube/client/http-client.ts'
import { keyLookup } from '../../../kube/keys/key-lookup.ts'
import { type LeanRevocation, leanRevocations } from '../../../kube/revocations/revocation-transform.ts'
import type { KubeObject } from '../../../kube/client/object.ts'
import { Reflector } from '../../../kube/cache/reflector.ts'
import { resources } from '../../../kube/client/resource.ts'
import { TokenRevocationStore } from '../../../kube/revocations/token-revocation-store.ts'
import { TokenRevocations } from '../../../kube/revocations/token-revocation-cache.ts'
import type { Logger } from '../../../logger.ts'

interface AuthorityRevocationsOptions {
  readonly client: KubeClient & Pick<HttpKubeClient, 'clockOffset'>
  /** The operator's own, which public keys are published in. */
  readonly namespace: string
  readonly source: PublicKeySource
  /** When the API server last told which keys there are, in milliseconds of the monotonic clock; undefined before. */
  readonly keysHeardAt: () => number | undefined
  readonly issuer: string
  readonly trustDomain: string
  readonly watchNamespaces: readonly string[]
  /** Identities as `shop/gateway`. */
  readonly introspectors: readonly string[]
  readonly certificateDirectory: string
  /** Absent where there is no Redis: what replicas share is then worth nothing. */
  readonly sharedCache?: SharedCache | undefined
  readonly logger: Logger
  readonly clock?: Clock
}

/** Everything about revocations that the authority has: what is revoked, the document of it, and both endpoints. */
export interface AuthorityRevocations {
  readonly revocations: Revocations
  /** Which identities exist, and the keys that tokens are verified with. */
  readonly keys: KnownKeys
  /** Tokens of ours as callers present them, to be asked about or as a proof of who they are. */
  readonly tokens: PresentedTokens
  readonly feed: RevocationFeed
  readonly notReady: () => string | undefined
  readonly endpoints: (authenticator: CallerAuthenticator) => {
    readonly introspect: FormEndpoint
    readonly revoke: FormEndpoint
  }
  /** Watches until the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

/**
 * How many tokens one identity may revoke, all the time and at once after a pause: a service's own few, and not so many
 * that one which is taken over fills the list that all verifiers share. All of an identity are revoked by their time.
 */
const revocationRate = { perSecond: 1, burstSeconds: 100 } as const
/** How often the file of the serving key is looked at. */
const secretMs = MINUTE

export function authorityRevocations(options: AuthorityRevocationsOptions): AuthorityRevocations {
  const { client, source, issuer, trustDomain, watchNamespaces, sharedCache, logger, clock = systemClock } = options
  const transform = leanRevocations(trustDomain)
  const serverNow = (): number => clock.now() - (client.clockOffset() ?? 0)
  // Nothing is forgotten on the word of one clock.
  const earlierNow = (): number => Math.min(clock.now(), serverNow())
  const reflector = new Reflector<LeanRevocation>({
    client,
    resource: resources.tokenRevocations,
    ...(watchNamespaces.length === 0 ? {} : { namespaces: watchNamespaces }),
    transform: (object) => transform(object as TokenRevocation & KubeObject),
    logger,
  })
  const recorded = new TokenRevocations({ reflector, now: earlierNow, serverNow })
  const keys = new KnownKeys({ source, logger })
  const deleted = new DeletedIdentities({ keys, trustDomain, clock })
  const revocations = allRevocations(recorded, deleted)
  const store = new TokenRevocationStore({ client, onRecord: (record) => recorded.take(transform(record)) })
  const hints = sharedCache === undefined ? undefined : new RevocationHints({ cache: sharedCache, store, logger })
  const tokens = new PresentedTokens({
    issuer,
    trustDomain,
    keys,
    revocations,
    clock,
    knownUntil: () => {
      const heardAt = options.keysHeardAt()
      return heardAt === undefined || keys.isBehind() ? undefined : clock.now() - (clock.monotonic() - heardAt)
    },
    lookForKey: limitedLookup(keyLookup({ client, namespace: options.namespace, logger }), clock),
    shared:
      sharedCache === undefined
        ? undefined
        : new SharedVerifications({
            cache: sharedCache,
            secret: servingKey(join(options.certificateDirectory, 'tls.key'), clock),
          }),
  })
  const introspectors = new Set(options.introspectors)
  return {
    revocations,
    keys,
    tokens,
    feed: new RevocationFeed({
      issuer,
      revocations,
      clock: { now: earlierNow, monotonic: () => clock.monotonic() },
    }),
    notReady: () => (recorded.ready() ? undefined : 'revocations have not been read yet'),
    endpoints: (authenticator) => ({
      introspect: introspect({ authenticator, tokens, trustDomain, introspectors }),
      revoke: revoke({
        authenticator,
        tokens,
        store,
        clock,
        rates: new RateLimit(revocationRate),
        onStored: (record) => hints?.tell(record),
        logger,
      }),
    }),
    run: (signal) => reflector.run(signal),
    close: () => {
      hints?.close()
      deleted.close()
      keys.close()
      recorded.close()
    },
  }
}

/**
 * What all replicas know and nobody else: the private key of the serving certificate, which each has mounted. Read anew
 * once a minute, as it is renewed; until both have the new one, what replicas share are misses.
 */
function servingKey(file: string, clock: Clock): () => Uint8Array | undefined {
  let known: Uint8Array | undefined
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.monotonic()
    if (now - readAt < secretMs) return known
    readAt = now
    try {
      const read = readFileSync(file)
      if (known === undefined || !read.equals(known)) known = read
    } catch {
      known = undefined
    }
    return known
  }
}
