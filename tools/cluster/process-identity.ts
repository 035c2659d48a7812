import { readFileSync } from 'node:fs'

/** A pid alone may be reused by the kernel; together with the start time it names one process for ever. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks after boot: field 22 of /proc/PID/stat (proc(5)). */
  startTime: number
}

/** The process that has this pid now, or undefined if there is none or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = parseStat(readProc(pid, 'stat'))
  return stat && stat.state !== 'Z' && stat.state !== 'X' ? { pid, startTime: stat.startTime } : undefined
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime
}

/** Sends a signal only if the pid still belongs to the very process; false if it does not. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    return process.kill(identity.pid, name)
  } catch {
    return false
  }
}

/** State and start time of /proc/PID/stat. The command name may itself hold spaces and parentheses. */
export function parseStat(text: string): { state: string; startTime: number } | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ')
  const [state, startTime] = [fields[0], Number(fields[19])]
  return text.includes(')') && state && Number.isSafeInteger(startTime) ? { state, startTime } : undefined
}

/** Reads a file of /proc/PID; empty if the process is gone. */
export function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
