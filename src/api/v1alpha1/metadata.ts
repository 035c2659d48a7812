/** The object metadata that Signet reads. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  /** Incremented by the API server with each change of `spec`. */
  generation?: number
  /** RFC 3339 text, never parsed into a Date on entry. */
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

/** A label of every object that the controller creates. */
const managedByLabel = 'app.kubernetes.io/managed-by'
const managedBy = 'signet'

/** The label for the purpose of an object; its values are `components`. */
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
 * A label of workload Secrets: the name of the ServiceIdentity. Absent if the name is longer than a label value's 63
 * characters. For selectors of users; Signet never reads it.
 */
const identityLabel = 'signet.dev/identity'
const maxLabelValueLength = 63

/**
 * Annotations of a public ConfigMap that identify the owner of its keys; its name alone can be ambiguous to other
 * readers.
 */
export const namespaceAnnotation = 'signet.dev/namespace'
export const nameAnnotation = 'signet.dev/name'
export const identityUidAnnotation = 'signet.dev/identity-uid'

/**
 * An annotation of a public ConfigMap: the resourceVersion of the key ring that its keys come from. Prevents an older
 * ring from replacing a newer one.
 */
export const ringVersionAnnotation = 'signet.dev/ring-version'

/** The labels of an object that the controller creates. */
export function managedLabels(component: (typeof components)[keyof typeof components]): Record<string, string> {
  return { [managedByLabel]: managedBy, [componentLabel]: component }
}

/** A label selector for the objects of the given components. */
export function selectorOf(...names: (typeof components)[keyof typeof components][]): string {
  return `${managedByLabel}=${managedBy},${componentLabel} in (${names.join(',')})`
}

/** The labels of an identity's workload Secret. */
export function workloadSecretLabels(identityName: string): Record<string, string> {
  const labels = managedLabels(components.identity)
  return identityName.length <= maxLabelValueLength ? { ...labels, [identityLabel]: identityName } : labels
}
