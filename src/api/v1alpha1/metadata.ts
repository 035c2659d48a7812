/** The part of an object's metadata that Signet reads. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  /** Raised by the API server with each change of `spec`. */
  generation?: number
  /** RFC 3339 text, always: never parsed into a Date on the way in. */
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

/** On everything that the controller makes; its value is `managedBy`. */
const managedByLabel = 'app.kubernetes.io/managed-by'
const managedBy = 'signet'

/** What an object is for; the values are `components`. */
const componentLabel = 'signet.dev/component'
export const components = {
  identity: 'identity',
  keyRing: 'key-ring',
  publicKeys: 'public-keys',
  authority: 'authority',
  servingCertificate: 'serving-certificate',
  certificateAuthority: 'certificate-authority',
} as const

/**
 * On a workload Secret, the name of its ServiceIdentity; absent where the name is longer than the 63 characters of a
 * label. For people with a selector only, never relied on.
 */
const identityLabel = 'signet.dev/identity'
const maxLabelValueLength = 63

/** Whose keys a public ConfigMap holds, since its name alone can be cut in more than one way by a reader. */
export const namespaceAnnotation = 'signet.dev/namespace'
export const nameAnnotation = 'signet.dev/name'
export const identityUidAnnotation = 'signet.dev/identity-uid'

/** On a public ConfigMap, the resourceVersion of the ring that its keys were taken from: an older one never follows. */
export const ringVersionAnnotation = 'signet.dev/ring-version'

/** The labels of an object that the controller makes. */
export function managedLabels(component: (typeof components)[keyof typeof components]): Record<string, string> {
  return { [managedByLabel]: managedBy, [componentLabel]: component }
}

/** A label selector for the objects of one or more components. */
export function selectorOf(...names: (typeof components)[keyof typeof components][]): string {
  return `${managedByLabel}=${managedBy},${componentLabel} in (${names.join(',')})`
}

/** The labels of the workload Secret of an identity. */
export function workloadSecretLabels(identityName: string): Record<string, string> {
  const labels = managedLabels(components.identity)
  return identityName.length <= maxLabelValueLength ? { ...labels, [identityLabel]: identityName } : labels
}
