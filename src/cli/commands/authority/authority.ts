import { authorityHandler } from '../../../authority/authority.ts'
import { PublishedDocuments } from '../../../authority/documents/published-documents.ts'
import { introspectionEndpoint } from '../../../authority/introspection/introspection-endpoint.ts'
import { formEndpointNames } from '../../../authority/oauth/form-endpoint.ts'
import { describeApi } from '../../../authority/openapi/description.ts'
import { parseIssuer } from '../../../identity/issuer.ts'
import { components, selectorOf } from '../../../api/v1alpha1/metadata.ts'
import { loadConfig } from '../../../kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../../kube/client/http-client.ts'
import { type ConfigMap, leanPublicKeys } from '../../../kube/keys/config-map-public-key-store.ts'
import { PublishedKeyCache } from '../../../kube/keys/published-key-cache.ts'
import { Reflector } from '../../../kube/cache/reflector.ts'
import { resources } from '../../../kube/client/resource.ts'
import { startTlsServer } from '../../../server/tls-server.ts'
import { untilAborted } from '../../../time/deadline.ts'
import { defaultIssuer } from '../../settings/shared.ts'
import type { AuthorityValues } from './settings.ts'
import { authorityForms } from './forms.ts'
import { authorityRevocation } from './revocation.ts'
import { authorityTokens } from './token.ts'
import { authorityVerification } from './verification.ts'
import { openIssuingKeys } from './issuing-keys.ts'
import { drainMs, startOperations } from '../operations.ts'
import { startSharedCache } from './shared-cache.ts'

/**
 * `signet authority`: serves discovery documents, JWK Sets, the SPIFFE bundle and live revocations; issues, introspects and
 * revokes tokens. The issuing keys are the only private keys that this process reads.
 */
export async function runAuthority(values: AuthorityValues, signal: AbortSignal): Promise<void> {
  const { namespace, port, certificateDirectory, trustDomain, kubeconfig } = values
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
  const { path } = parseIssuer(issuer)
  const sharedCache = await startSharedCache(values, { issuer, operations })
  const redis = values.redisUrl === undefined ? undefined : sharedCache
  const source = new PublishedKeyCache({ reflector: configMaps, namespace, logger })
  const documents = new PublishedDocuments({
    issuer: { issuer, path },
    source,
    description: describeApi({ issuer, path }, { forms: formEndpointNames, revocations: true }),
    logger,
  })
  const verification = authorityVerification({
    ...values,
    client,
    source,
    keysConfirmedAt: () => configMaps.stats.confirmedAt,
    sharedCache: redis,
    issuer,
    logger,
  })
  const issuingKeys = await openIssuingKeys({ values, client, served: documents, operations })
  const tokens = authorityTokens({ values, issuer, client, issuingKeys: issuingKeys.keys, verification, operations })
  const { authenticator } = tokens
  const revocation = authorityRevocation({ client, issuer, verification, authenticator, sharedCache: redis, logger })
  const introspectors = new Set(values.introspectors)
  const { forms, close: closeForms } = authorityForms({
    values,
    issuer,
    endpoints: {
      token: tokens.endpoint,
      introspect: introspectionEndpoint({ authenticator, tokens: verification.tokens, trustDomain, introspectors }),
      revoke: revocation.revoke,
    },
    clockOffset: () => client.clockOffset(),
    operations,
  })
  const handler = authorityHandler({
    path,
    documents,
    forms,
    revocations: revocation.documents,
    onAnswer: (endpoint, status) => metrics.httpRequests.inc({ endpoint, status: String(status) }),
  })
  let ready = (): string | undefined => 'is starting'
  operations.addCheck('public-keys', () => documents.notReady())
  operations.addCheck('revocations', verification.notReady)
  operations.addCheck('certificate', () => ready())
  const watching = new AbortController()
  const watch = Promise.all([configMaps, verification, issuingKeys, tokens].map((one) => one.run(watching.signal)))
  const server = await startTlsServer({
    port,
    certificateDirectory,
    handler,
    logger,
    onCertificate: (notAfter) => metrics.certificateExpiry.set({ certificate: 'signet-authority' }, notAfter / 1000),
  })
  ready = () => server.ready()
  await untilAborted(signal)
  operations.stopping()
  logger.info('stopping')
  await server.drain(drainMs)
  watching.abort()
  await watch
  documents.close()
  closeForms()
  revocation.close()
  verification.close()
  await Promise.all([client.close(), sharedCache.close(), operations.close()])
}
