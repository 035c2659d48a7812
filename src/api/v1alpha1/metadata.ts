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

/** On every object that the controller creates: `signet`. */
const managedByLabel = 'app.kubernetes.io/managed-by'
const managedBy = 'signet'

/** On every object that the controller creates: its purpose, one of the components below. */
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
 * On the Secret of an identity: the name of its ServiceIdentity, for use in selectors. Absent if the name is longer
 * than the 63 characters of a label value. Signet itself does not read it.
 */
const identityLabel = 'signet.dev/identity'
const maxLabelValueLength = 63

/** On a key ring and on a ConfigMap with public keys: the namespace of the identity that owns the keys. */
export const namespaceAnnotation = 'signet.dev/namespace'
/** On a key ring and on a ConfigMap with public keys: the name of the identity that owns the keys. */
export const nameAnnotation = 'signet.dev/name'
/** On a key ring and on a ConfigMap with public keys: the UID of the identity that owns the keys. */
export const identityUidAnnotation = 'signet.dev/identity-uid'

/**
 * On a ConfigMap with public keys: the resourceVersion of their key ring. The controller never publishes an older ring.
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
