import { kubernetesBinaries, moduleBinaries } from './binaries.ts'
import { findProgram } from './command.ts'
import type { Log } from './log.ts'

/** For a cluster that was not built here: the installed kubectl and helm, or else built ones. */
export async function clientTools(log: Log): Promise<{ kubectl: string; helm: string }> {
  return {
    kubectl: findProgram('kubectl') ?? (await kubernetesBinaries(log)).kubectl,
    helm: findProgram('helm') ?? (await moduleBinaries('helm', log)).helm,
  }
}
