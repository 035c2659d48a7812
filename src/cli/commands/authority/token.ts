import {
  Authenticator,
  type KnownIdentities,
  type OwnToken,
  type OwnTokens,
} from '../../../authority/callers/authenticator.ts'
import type { CallerAuthenticator } from '../../../authority/callers/caller.ts'
import { ClusterKeys } from '../../../authority/callers/service-account-issuer-keys.ts'
import type { FormEndpoint } from '../../../authority/oauth/form-endpoint.ts'
import type { IssuingKeys } from '../../../authority/token/issuing-keys.ts'
import { RateLimit } from '../../../authority/oauth/rate-limit.ts'
import type { Revocations } from '../../../tokens/revocations.ts'
import { ServiceAccountCallers } from '../../../authority/callers/service-account-authenticator.ts'
import { tokenEndpoint } from '../../../authority/token/token-endpoint.ts'
import { TokenIssuer } from '../../../authority/token/token-issuer.ts'
import { systemClock } from '../../../time/clock.ts'
import { SECOND } from '../../../time/duration.ts'
import { PodsAndAccounts } from '../../../kube/service-accounts/bound-object-cache.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import { type DocumentReader, readClusterIssuer } from '../../../kube/service-accounts/cluster-issuer.ts'
import type { AuthorityValues } from './settings.ts'
import type { Operations } from '../operations.ts'

interface AuthorityTokensOptions<Token extends OwnToken> {
  readonly values: Pick<
    AuthorityValues,
    'trustDomain' | 'issuerScope' | 'watchNamespaces' | 'tokenLifetime' | 'allowedScopes' | 'callerRate'
  >
  /** The issuer of the cluster level. */
  readonly issuer: string
  readonly client: KubeClient & DocumentReader
  readonly issuingKeys: IssuingKeys
  readonly revocations: Pick<Revocations, 'has' | 'ready'>
  readonly identities: KnownIdentities
  /** Verifies tokens of ours that callers present as Bearer. */
  readonly ownTokens: OwnTokens<Token>
  readonly operations: Pick<Operations, 'logger' | 'metrics' | 'addCheck' | 'onScrape'>
}

interface AuthorityTokens {
  /** Finds out who sends a request, for every endpoint. */
  readonly authenticator: CallerAuthenticator
  readonly token: FormEndpoint
  /** Watches until the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** So long a replica waits for the list of all pods before it is ready: after that it looks pods up one by one. */
const patienceMs = 30 * SECOND

/** Who asks, and what they get: everything behind `POST /token`, and the authentication for the other endpoints. */
export function authorityTokens<Token extends OwnToken>(options: AuthorityTokensOptions<Token>): AuthorityTokens {
  const { values, issuer, client, issuingKeys, revocations, identities, ownTokens, operations } = options
  const { trustDomain, issuerScope, watchNamespaces, tokenLifetime, allowedScopes, callerRate } = values
  const { logger, metrics } = operations
  const clock = systemClock
  const keys = new ClusterKeys({ read: (signal) => readClusterIssuer(client, signal), clock, logger })
  const objects = new PodsAndAccounts({ client, namespaces: watchNamespaces, logger })
  const authenticator = new Authenticator<Token>({
    issuer,
    trustDomain,
    serviceAccounts: new ServiceAccountCallers({ keys, objects, audience: issuer, clock }),
    ownTokens,
    identities,
    rates: new RateLimit({ perSecond: callerRate }),
    clock,
  })
  const startedAt = clock.monotonic()
  operations.addCheck('pods', () => {
    const known = objects.hasSynced && keys.hasAsked
    // Whoever only needs public keys is not to wait for ever for what an exchange needs.
    return known || clock.monotonic() - startedAt > patienceMs ? undefined : 'pods and cluster keys are being read'
  })
  operations.onScrape(() => metrics.knownPods.set(objects.pods))
  return {
    authenticator,
    token: tokenEndpoint({
      authenticator,
      issuer: new TokenIssuer({
        issuer,
        issuerScope,
        lifetimeMs: tokenLifetime,
        keys: issuingKeys,
        revocations,
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
