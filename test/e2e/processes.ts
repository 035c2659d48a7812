import { ownProcesses } from '../../tools/cluster/own-processes.ts'
import { type ProcessIdentity, readProc, signal } from '../../tools/cluster/process-identity.ts'

/**
 * The process of `signet` in a pod, seen from this machine. Only processes of our own cluster are looked at; the
 * container runtime gives each the name of its pod as HOSTNAME.
 */
export function processOf(pod: string): ProcessIdentity {
  const found = ownProcesses().filter(
    ({ pid }) =>
      readProc(pid, 'environ').split('\0').includes(`HOSTNAME=${pod}`) &&
      readProc(pid, 'cmdline').split('\0')[1] === '/app/signet.mjs',
  )
  const [process] = found
  if (process === undefined || found.length > 1) throw new Error(`${found.length} processes of signet in pod ${pod}`)
  return process
}

/** Ends it as an accident would: no signal handler runs. */
export function killProcessOf(pod: string): ProcessIdentity {
  const process = processOf(pod)
  if (!signal(process, 'SIGKILL')) throw new Error(`the process of pod ${pod} has ended before it was killed`)
  return process
}

/** Resident memory in megabytes: all of it, and the part that is not shared pages of files. */
export function memoryOf(pod: string): { residentMb: number; anonymousMb: number } {
  const { pid } = processOf(pod)
  const status = readProc(pid, 'status')
  const megabytes = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024)
  return { residentMb: megabytes('VmRSS'), anonymousMb: megabytes('RssAnon') }
}
