import { kubernetesBinaries, moduleBinaries } from './binaries.ts'
import { findProgram } from './command.ts'
import type { Log } from './log.ts'

/** For a cluster that is not ours: kubectl and helm that are installed, else those we build. */
export async function clientTools(log: Log): Promise<{ kubectl: string; helm: string }> {
  return {
    kubectl: findProgram('kubectl') ?? (await kubernetesBinaries(log)).kubectl,
    helm: findProgram('helm') ?? (await moduleBinaries('helm', log)).helm,
  }
}
