import { createAuthority } from '../../../authority/authority.ts'
import type { IssuingKeys } from '../../../authority/token/issuing-keys.ts'
import { components, selectorOf } from '../../../api/v1alpha1/metadata.ts'
import { loadConfig } from '../../../kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../../kube/client/http-client.ts'
import { type ConfigMap, leanPublicKeys } from '../../../kube/keys/config-map-public-key-store.ts'
import { PublishedKeySets } from '../../../kube/keys/published-key-cache.ts'
import { Reflector } from '../../../kube/cache/reflector.ts'
import { resources } from '../../../kube/client/resource.ts'
import { startTlsServer } from '../../../server/tls-server.ts'
import { defaultIssuer } from '../../settings/shared.ts'
import type { AuthorityValues } from './settings.ts'
import { authorityForms } from './forms.ts'
import { authorityRevocations } from './revocation.ts'
import { authorityTokens } from './token.ts'
import { startIssuingKeys } from './issuing-keys.ts'
import { aborted, drainMs, startOperations } from '../operations.ts'
import { startSharedCache } from './shared-cache.ts'

/**
 * `signet authority`: serves discovery, JWK Sets and the SPIFFE bundle from the public ConfigMaps, and what is revoked;
 * gives tokens to pods, introspects and revokes. Its own private keys are the only ones that it sees.
 */
export async function runAuthority(values: AuthorityValues, signal: AbortSignal): Promise<void> {
  const { namespace, port, certificateDirectory, kubeconfig } = values
  const configuration = await loadConfig({ kubeconfig, environment: process.env })
  const operations = await startOperations('authority', values)
  const { logger, metrics } = operations
  const client = new HttpKubeClient(configuration, {
    logger,
    onRequest: ({ verb, resource, status }) => metrics.apiRequests.inc({ verb, resource, status: String(status) }),
  })
  const configMaps = new Reflector<ConfigMap>({
    client,
    resource: resources.configMaps,
    namespace,
    labelSelector: selectorOf(components.publicKeys),
    transform: leanPublicKeys,
    logger,
  })
  const issuer = values.issuer ?? defaultIssuer(namespace)
  const sharedCache = await startSharedCache(values, { issuer, operations })
  const source = new PublishedKeySets({ reflector: configMaps, namespace, logger })
  const revoking = authorityRevocations({
    ...values,
    client,
    source,
    keysHeardAt: () => configMaps.stats.toldAt,
    sharedCache: values.redisUrl === undefined ? undefined : sharedCache,
    issuer,
    logger,
  })
  // What signs comes last: it follows what is served.
  const signing: { keys?: IssuingKeys } = {}
  const tokens = authorityTokens({
    values,
    issuer,
    client,
    issuingKeys: { active: () => signing.keys?.active() },
    revocations: revoking.revocations,
    identities: revoking.keys,
    ownTokens: revoking.tokens,
    operations,
  })
  const { forms, close: closeForms } = authorityForms({
    values,
    issuer,
    endpoints: { token: tokens.token, ...revoking.endpoints(tokens.authenticator) },
    clockOffset: () => client.clockOffset(),
    operations,
  })
  const authority = createAuthority({
    issuer,
    source,
    forms,
    revocations: revoking.feed,
    served: { forms: ['token', 'introspect', 'revoke'], revocations: true },
    logger,
    onAnswer: (endpoint, status) => metrics.httpRequests.inc({ endpoint, status: String(status) }),
  })
  let ready = (): string | undefined => 'is starting'
  operations.addCheck('public-keys', authority.notReady)
  operations.addCheck('revocations', revoking.notReady)
  operations.addCheck('certificate', () => ready())
  const watching = new AbortController()
  const watch = Promise.all([
    configMaps.run(watching.signal),
    revoking.run(watching.signal),
    tokens.run(watching.signal),
  ])
  const issuing = await startIssuingKeys({
    values,
    client,
    served: authority.served,
    operations,
    signal: watching.signal,
  })
  signing.keys = issuing.keys
  const server = await startTlsServer({
    port,
    certificateDirectory,
    handler: authority.handler,
    logger,
    onCertificate: (notAfter) => metrics.certificateExpiry.set({ certificate: 'signet-authority' }, notAfter / 1000),
  })
  ready = () => server.ready()
  await aborted(signal)
  operations.stopping()
  logger.info('stopping')
  await server.drain(drainMs)
  watching.abort()
  await Promise.all([watch, issuing.ended])
  authority.close()
  closeForms()
  revoking.close()
  await Promise.all([client.close(), sharedCache.close(), operations.close()])
}
