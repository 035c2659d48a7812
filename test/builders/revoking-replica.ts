import type { CallerAuthenticator } from '../../src/authority/callers/caller.ts'
import { introspectionEndpoint } from '../../src/authority/introspection/introspection-endpoint.ts'
import { authorityRevocation } from '../../src/cli/commands/authority/revocation.ts'
import { authorityVerification } from '../../src/cli/commands/authority/verification.ts'
import { silentLogger } from '../../src/logger.ts'
import type { Revoking } from '../fakes/revoking.ts'

interface ReplicaOptions extends Omit<
  Parameters<typeof authorityVerification>[0],
  'namespace' | 'trustDomain' | 'watchNamespaces' | 'logger'
> {
  /** Identities such as `shop/gateway`. */
  readonly introspectors: readonly string[]
}

interface RevokingReplica extends Revoking {
  readonly serve: (authenticator: CallerAuthenticator) => Required<ReturnType<Revoking['serve']>>
  readonly notReady: () => string | undefined
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** What introspects and revokes at a replica of the authority over a cluster, connected as the command connects it. */
export function revokingReplica({ introspectors, ...options }: ReplicaOptions): RevokingReplica {
  const trustDomain = 'cluster.local'
  const given = { ...options, namespace: 'signet-system', trustDomain, watchNamespaces: [], logger: silentLogger }
  const verification = authorityVerification(given)
  const { tokens } = verification
  const closing = [verification.close]
  return {
    ...verification,
    serve: (authenticator) => {
      const revocation = authorityRevocation({ ...given, verification, authenticator })
      closing.unshift(revocation.close)
      return {
        introspect: introspectionEndpoint({
          authenticator,
          tokens,
          trustDomain,
          introspectors: new Set(introspectors),
        }),
        revoke: revocation.revoke,
        documents: revocation.documents,
      }
    },
    close: () => {
      for (const close of closing) close()
    },
  }
}
