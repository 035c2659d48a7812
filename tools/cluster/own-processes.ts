import { readdirSync } from 'node:fs'
import { marker } from './daemon.ts'
import { containerdSocket, stateDirectory } from './paths.ts'
import { type ProcessIdentity, identify, readProc, signal } from './process-identity.ts'
import { waitFor } from './wait.ts'

/** What /proc tells of one process. */
export interface ProcessFacts {
  environ: string
  cmdline: string
  mountinfo: string
}

/**
 * Whether a process belongs to the cluster: started by us (the marker, which children inherit), a shim of our
 * containerd, or inside a container whose root file system lies in our directory. No pid file is needed for that, so
 * it also finds what was started a moment before `up` was killed.
 */
export function isOwn({ environ, cmdline, mountinfo }: ProcessFacts): boolean {
  if (environ.split('\0').includes(`${marker}=${stateDirectory}`)) return true
  const args = cmdline.split('\0')
  if (args[0]?.includes('containerd-shim') && args.includes(containerdSocket)) return true
  const root = mountinfo.split('\n').find((line) => line.split(' ')[4] === '/')
  return root?.split(' - ')[1]?.includes(`upperdir=${stateDirectory}/`) ?? false
}

export function ownProcesses(): ProcessIdentity[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .flatMap((pid) => {
      // The identity first: if the pid changes hands while its files are read, the signal goes nowhere.
      const identity = identify(pid)
      if (!identity) return []
      const [environ, cmdline, mountinfo] = ['environ', 'cmdline', 'mountinfo'].map((file) => readProc(pid, file))
      return isOwn({ environ: environ ?? '', cmdline: cmdline ?? '', mountinfo: mountinfo ?? '' }) ? [identity] : []
    })
}

/** Ends all of them at once: what they hold is removed afterwards in any case, exactly as after a crash. */
export async function killOwnProcesses(): Promise<void> {
  await waitFor({
    what: 'the processes of the cluster to end',
    limitMs: 30_000,
    everyMs: 50,
    until: () => {
      const processes = ownProcesses()
      for (const identity of processes) signal(identity, 'SIGKILL')
      return Promise.resolve(processes.length === 0)
    },
  })
}
