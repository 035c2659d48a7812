import { moduleBinaries } from './binaries.ts'
import { requireProgram } from './command.ts'
import type { Log } from './log.ts'
import { type Minor, releases } from './releases.ts'

/** Paths of the container runtime's programs. */
export interface ContainerdPrograms {
  readonly containerd: string
  readonly ctr: string
  /** Only of a containerd that was built here: an installed one finds its shim in PATH. */
  readonly shim?: string
}

/** The containerd that is tested with a Kubernetes release. */
export async function containerdPrograms(minor: Minor, log: Log): Promise<ContainerdPrograms> {
  if (releases[minor].containerd === 'package') {
    return { containerd: requireProgram('containerd'), ctr: requireProgram('ctr') }
  }
  const { 'containerd-shim-runc-v2': shim, ...programs } = await moduleBinaries('containerd', log)
  return { ...programs, shim }
}
