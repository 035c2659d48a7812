/** The API group of Signet's resources. */
export const group = 'signet.dev'

/** The version of the types in this folder. */
export const version = 'v1alpha1'

/** The `apiVersion` of a manifest. */
export const apiVersion = `${group}/${version}` as const

/** The names of a resource in a manifest (`kind`), and in API paths and RBAC rules (`plural`). */
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
