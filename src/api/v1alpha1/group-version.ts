/** The API group of Signet's resources. */
export const group = 'signet.dev'

/** The version of this folder's types. */
export const version = 'v1alpha1'

/** What `apiVersion` says in a manifest. */
export const apiVersion = `${group}/${version}` as const

/** A resource as the API server's paths and RBAC name it. */
interface ResourceName {
  readonly kind: string
  readonly plural: string
}

export const serviceIdentities = {
  kind: 'ServiceIdentity',
  plural: 'serviceidentities',
} as const satisfies ResourceName

export const tokenRevocations = {
  kind: 'TokenRevocation',
  plural: 'tokenrevocations',
} as const satisfies ResourceName
