/** A pod that asks for its identity, with the differences given. */
export function podOf(differences: { metadata?: object; spec?: object } = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'orders-', labels: { 'signet.dev/inject': 'true' }, ...differences.metadata },
    spec: { serviceAccountName: 'orders', containers: [{ name: 'app', image: 'orders:1' }], ...differences.spec },
  }
}

/** A review as the API server sends it, with differences in its `request`. */
export function reviewOf(
  request: Readonly<Record<string, unknown>> = {},
  review: Readonly<Record<string, unknown>> = {},
) {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      object: podOf(),
      oldObject: null,
      ...request,
    },
    ...review,
  }
}

/** A review of a ServiceIdentity with this spec. */
export function identityReviewOf(spec: unknown, request: Readonly<Record<string, unknown>> = {}) {
  return reviewOf({
    kind: { group: 'signet.dev', version: 'v1alpha1', kind: 'ServiceIdentity' },
    resource: { group: 'signet.dev', version: 'v1alpha1', resource: 'serviceidentities' },
    object: { apiVersion: 'signet.dev/v1alpha1', kind: 'ServiceIdentity', metadata: { name: 'orders' }, spec },
    ...request,
  })
}

/** What an AdmissionReview answers, with its patch as JSON. */
export interface ReviewAnswer {
  readonly apiVersion: string
  readonly kind: string
  readonly response: {
    readonly uid: string
    readonly allowed: boolean
    readonly patchType?: string
    readonly patch?: string
    readonly warnings?: readonly string[]
    readonly status?: {
      readonly code: number
      readonly reason: string
      readonly message: string
      readonly details?: {
        readonly causes: readonly { readonly reason: string; readonly field: string; readonly message: string }[]
      }
    }
  }
}
