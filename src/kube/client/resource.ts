import { group, serviceIdentities, tokenRevocations, version } from '../../api/v1alpha1/group-version.ts'

/** A kind of object as the API server's paths name it. `group` is `''` for the core group. */
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

/** Every resource that Signet reads or writes. */
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

/** The `apiVersion` of the resource's objects, such as `v1` or `events.k8s.io/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/**
 * The path of a collection, of an object (`name`) or of its subresource. Every part is escaped. A collection without a
 * namespace spans all namespaces. Throws a TypeError if a namespaced object has no namespace, or a cluster-scoped
 * resource has one.
 *
 * @example pathOf(resources.secrets, { namespace: 'shop', name: 'db' }) // '/api/v1/namespaces/shop/secrets/db'
 */
export function pathOf(
  resource: Resource,
  ref: { namespace?: string | undefined; name?: string | undefined } = {},
  subresource?: string,
): string {
  const { namespace, name } = ref
  if (!resource.namespaced && namespace !== undefined)
    throw new TypeError(`${resource.plural} are cluster-scoped and take no namespace`)
  if (resource.namespaced && name !== undefined && !namespace)
    throw new TypeError(`${resource.plural}/${name} needs a namespace`)
  if (name === '' || (subresource !== undefined && name === undefined))
    throw new TypeError(`${resource.plural}: a name is missing`)
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  return [
    root,
    ...(namespace === undefined ? [] : ['namespaces', encodeURIComponent(namespace)]),
    resource.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [encodeURIComponent(subresource)]),
  ].join('/')
}
