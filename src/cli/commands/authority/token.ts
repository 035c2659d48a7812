import { Authenticator } from '../../../authority/callers/authenticator.ts'
import type { CallerAuthenticator } from '../../../authority/callers/caller.ts'
import { ServiceAccountAuthenticator } from '../../../authority/callers/service-account-authenticator.ts'
import { ServiceAccountIssuerKeys } from '../../../authority/callers/service-account-issuer-keys.ts'
import type { FormEndpoint } from '../../../authority/oauth/form-endpoint.ts'
import { RateLimit } from '../../../authority/oauth/rate-limit.ts'
import type { IssuingKeys } from '../../../authority/token/issuing-keys.ts'
import { tokenEndpoint } from '../../../authority/token/token-endpoint.ts'
import { TokenIssuer } from '../../../authority/token/token-issuer.ts'
import { systemClock } from '../../../time/clock.ts'
import { SECOND } from '../../../time/duration.ts'
import { BoundObjectCache } from '../../../kube/service-accounts/bound-object-cache.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import { type DocumentReader, readClusterIssuer } from '../../../kube/service-accounts/cluster-issuer.ts'
import type { AuthorityValues } from './settings.ts'
import type { Operations } from '../operations.ts'
import type { AuthorityVerification } from './verification.ts'

interface AuthorityTokensOptions {
  readonly values: Pick<
    AuthorityValues,
    'trustDomain' | 'issuerScope' | 'watchNamespaces' | 'tokenLifetime' | 'allowedScopes' | 'callerRate'
  >
  /** The cluster-scoped issuer. */
  readonly issuer: string
  readonly client: KubeClient & DocumentReader
  readonly issuingKeys: IssuingKeys
  readonly verification: Pick<AuthorityVerification, 'keys' | 'revocations' | 'tokens'>
  readonly operations: Pick<Operations, 'logger' | 'metrics' | 'addCheck' | 'onScrape'>
}

interface AuthorityTokens {
  /** Authenticates callers, for every endpoint. */
  readonly authenticator: CallerAuthenticator
  /** `POST /token` */
  readonly endpoint: FormEndpoint
  /** Watches until the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** How long a starting replica waits for the list of pods, in milliseconds; afterwards it reads single pods. */
const patienceMs = 30 * SECOND

/** The authentication of callers, and the issuance of tokens to them. */
export function authorityTokens(options: AuthorityTokensOptions): AuthorityTokens {
  const { values, issuer, client, issuingKeys, verification, operations } = options
  const { trustDomain, issuerScope, watchNamespaces, tokenLifetime, allowedScopes, callerRate } = values
  const { logger, metrics } = operations
  const clock = systemClock
  const keys = new ServiceAccountIssuerKeys({ read: (signal) => readClusterIssuer(client, signal), clock, logger })
  const objects = new BoundObjectCache({ client, namespaces: watchNamespaces, logger })
  const authenticator = new Authenticator({
    issuer,
    trustDomain,
    serviceAccounts: new ServiceAccountAuthenticator({ keys, objects, audience: issuer, clock }),
    signetTokens: verification.tokens,
    identities: verification.keys,
    rates: new RateLimit({ perSecond: callerRate }),
    clock,
  })
  const startedAt = clock.monotonic()
  operations.addCheck('pods', () => {
    const known = objects.hasSynced && keys.hasAttempted
    // Public keys do not depend on pods, so the replica serves them after the wait at the latest.
    return known || clock.monotonic() - startedAt > patienceMs ? undefined : 'pods and cluster keys are being read'
  })
  operations.onScrape(() => metrics.knownPods.set(objects.pods))
  return {
    authenticator,
    endpoint: tokenEndpoint({
      authenticator,
      issuer: new TokenIssuer({
        issuer,
        issuerScope,
        lifetimeMs: tokenLifetime,
        keys: issuingKeys,
        revocations: verification.revocations,
        clock,
      }),
      trustDomain,
      allowedScopes: new Set(allowedScopes),
      onIssued: (grant, reused) => metrics.tokensIssued.inc({ grant, reused: String(reused) }),
    }),
    run: async (signal) => {
      await Promise.all([keys.run(signal), objects.run(signal)])
    },
  }
}
