import { group, serviceIdentities, tokenRevocations, version } from '../../api/v1alpha1/group-version.ts'

/** A kind of object as the API server's paths name it; `group` is empty for the core group. */
export interface Resource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})

const webhookConfiguration = (plural: string, kind: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})

/** Every resource Signet reads or writes. */
export const resources = {
  secrets: core('secrets', 'Secret'),
  configMaps: core('configmaps', 'ConfigMap'),
  pods: core('pods', 'Pod'),
  serviceAccounts: core('serviceaccounts', 'ServiceAccount'),
  namespaces: core('namespaces', 'Namespace', false),
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true },
  serviceIdentities: { group, version, ...serviceIdentities, namespaced: true },
  tokenRevocations: { group, version, ...tokenRevocations, namespaced: true },
  mutatingWebhookConfigurations: webhookConfiguration('mutatingwebhookconfigurations', 'MutatingWebhookConfiguration'),
  validatingWebhookConfigurations: webhookConfiguration(
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
  ),
  customResourceDefinitions: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
} as const satisfies Record<string, Resource>

/** `v1`, `events.k8s.io/v1`: what `apiVersion` says in an object of this resource. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/**
 * The path of a collection, of one object (`name`) or of its subresource. Every part is escaped. A TypeError where an
 * object's namespace is missing or given to a cluster-scoped resource; a collection without one spans all namespaces.
 */
export function pathOf(
  resource: Resource,
  ref: { namespace?: string | undefined; name?: string | undefined } = {},
  subresource?: string,
): string {
  const { namespace, name } = ref
  if (!resource.namespaced && namespace !== undefined) throw new TypeError(`${resource.plural} have no namespace`)
  if (resource.namespaced && name !== undefined && !namespace)
    throw new TypeError(`${resource.plural}/${name}: no namespace`)
  if (name === '' || (subresource !== undefined && name === undefined))
    throw new TypeError(`${resource.plural}: no name`)
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  return [
    root,
    ...(namespace === undefined ? [] : ['namespaces', encodeURIComponent(namespace)]),
    resource.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [encodeURIComponent(subresource)]),
  ].join('/')
}
