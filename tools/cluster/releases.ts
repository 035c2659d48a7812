/** Where a node's containerd comes from: built from its Go module, or installed from the Debian package. */
export type ContainerdSource = 'module' | 'package'

interface Release {
  readonly version: `v${string}`
  readonly containerd: ContainerdSource
}

/** The Kubernetes releases that the tests run on, newest first. The module of a release is `go/kubernetes-<minor>`. */
export const releases = {
  '1.37': { version: 'v1.37.2', containerd: 'module' },
  // containerd 1.6 of Debian 12, so that the older configuration is tested too.
  '1.34': { version: 'v1.34.4', containerd: 'package' },
} as const satisfies Record<string, Release>

export type Minor = keyof typeof releases

export const minors = Object.keys(releases) as Minor[]
export const newestMinor = '1.37' satisfies Minor
export const oldestMinor = '1.34' satisfies Minor

/** The minor that SIGNET_KUBERNETES names, the newest by default. */
export function wantedMinor(environment: NodeJS.ProcessEnv = process.env): Minor {
  const named = environment.SIGNET_KUBERNETES || newestMinor
  const found = minors.find((minor) => minor === named)
  if (found === undefined) {
    throw new Error(`cannot run Kubernetes "${named}", named by SIGNET_KUBERNETES: supported are ${minors.join(', ')}`)
  }
  return found
}
