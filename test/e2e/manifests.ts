import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { apiVersion } from '../../src/api/v1alpha1/group-version.ts'
import { exampleImage } from '../../scripts/install.ts'
import { injectLabel } from '../../src/identity/workload.ts'

/** Stays until it is told to end, and ends at once then. */
export const idle = [
  '/nodejs/bin/node',
  '-e',
  'process.on("SIGTERM", () => process.exit()); setInterval(() => {}, 1e6)',
]

export interface PodOptions {
  name: string
  namespace: string
  /** The ServiceAccount; by default of the pod's name. */
  account?: string
  labels?: Record<string, string>
  spec?: object
}

/** A pod that asks for its identity, stays, and starts in a second. */
export function pod({ name, namespace, account = name, labels = { [injectLabel]: 'true' }, spec = {} }: PodOptions) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      serviceAccountName: account,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      containers: [container('app')],
      ...spec,
    },
  }
}

export function container(name: string, fields: object = {}) {
  return { name, image: exampleImage, imagePullPolicy: 'IfNotPresent', command: idle, ...fields }
}

export function serviceAccount(name: string, namespace: string) {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }
}

export function identity(name: string, namespace: string, spec: ServiceIdentity['spec'] = {}) {
  return { apiVersion, kind: 'ServiceIdentity', metadata: { name, namespace }, spec }
}
