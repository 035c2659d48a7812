import { components, selectorOf } from '../../../api/v1alpha1/metadata.ts'
import type { ServiceIdentity, TokenRevocation } from '../../../api/v1alpha1/types.ts'
import {
  type WebhookConfiguration,
  webhookConfigurationName,
} from '../../../controller/certificate-authority/ca-bundle.ts'
import { podIndexers } from '../../../controller/nudge/injected-pods.ts'
import { revocationIndexers } from '../../../controller/revocation/revoked.ts'
import {
  identitySecretType,
  injectedAnnotation,
  injectLabel,
  nudgeAnnotation,
  rotateKeyAnnotation,
} from '../../../identity/workload.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { KubeObject } from '../../../kube/client/object.ts'
import type { ConfigMap } from '../../../kube/keys/config-map-public-key-store.ts'
import { Reflector } from '../../../kube/cache/reflector.ts'
import { type Resource, resources } from '../../../kube/client/resource.ts'
import type { Secret } from '../../../kube/secrets/secret-codec.ts'
import { internValues } from '../../../kube/secrets/intern-values.ts'
import type { Logger } from '../../../logger.ts'

export type ControllerSources = ReturnType<typeof controllerSources>

/** What the controller watches. Selectors keep objects that are not Signet's out of memory. */
export function controllerSources(options: {
  client: KubeClient
  namespace: string
  watchNamespaces: readonly string[]
  logger: Logger
}) {
  const { client, namespace, watchNamespaces, logger } = options
  const everywhere = watchNamespaces.length === 0 ? {} : { namespaces: watchNamespaces }
  const webhookConfigurations = (resource: Resource) =>
    new Reflector<WebhookConfiguration>({
      client,
      resource,
      fieldSelector: `metadata.name=${webhookConfigurationName}`,
      logger,
    })
  return {
    identities: new Reflector<ServiceIdentity & KubeObject>({
      client,
      resource: resources.serviceIdentities,
      ...everywhere,
      transform: leanIdentity,
      logger,
    }),
    revocations: new Reflector<TokenRevocation & KubeObject>({
      client,
      resource: resources.tokenRevocations,
      ...everywhere,
      indexers: revocationIndexers,
      logger,
    }),
    workloadSecrets: new Reflector<Secret>({
      client,
      resource: resources.secrets,
      ...everywhere,
      labelSelector: selectorOf(components.identity),
      // Any client may write the labels. The admission policies reserve this type for the controller, so that no other
      // client can fill its memory.
      fieldSelector: `type=${identitySecretType}`,
      transform: internValues(),
      logger,
    }),
    keyRings: new Reflector<Secret>({
      client,
      resource: resources.secrets,
      namespace,
      labelSelector: selectorOf(components.keyRing),
      logger,
    }),
    certificates: new Reflector<Secret>({
      client,
      resource: resources.secrets,
      namespace,
      labelSelector: selectorOf(components.certificateAuthority, components.servingCertificate),
      logger,
    }),
    publicKeys: new Reflector<ConfigMap>({
      client,
      resource: resources.configMaps,
      namespace,
      labelSelector: selectorOf(components.publicKeys),
      logger,
    }),
    pods: new Reflector<KubeObject>({
      client,
      resource: resources.pods,
      ...everywhere,
      labelSelector: `${injectLabel}=true`,
      metadataOnly: true,
      transform: leanPod,
      indexers: podIndexers,
      logger,
    }),
    mutating: webhookConfigurations(resources.mutatingWebhookConfigurations),
    validating: webhookConfigurations(resources.validatingWebhookConfigurations),
  }
}

const keptMetadata = ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'] as const

/** Keeps only what is read: there may be very many pods, with annotations of any size. */
function leanPod({ metadata }: KubeObject): KubeObject {
  return {
    metadata: {
      ...pick(metadata, keptMetadata),
      labels: pick(metadata.labels ?? {}, [injectLabel]),
      annotations: pick(metadata.annotations ?? {}, [injectedAnnotation, nudgeAnnotation]),
    },
  }
}

/** Keeps only the annotation that requests a rotation: users may write others of any size. */
function leanIdentity<T extends KubeObject>(identity: T): T {
  const annotations = pick(identity.metadata.annotations ?? {}, [rotateKeyAnnotation])
  return { ...identity, metadata: { ...identity.metadata, annotations } }
}

function pick<T extends object, K extends keyof T>(object: T, names: readonly K[]): Pick<T, K> {
  const present = names.filter((name) => Object.hasOwn(object, name))
  return Object.fromEntries(present.map((name) => [name, object[name]])) as Pick<T, K>
}
