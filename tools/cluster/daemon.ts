import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { findProgram } from './command.ts'
import { errorWithLog } from './log.ts'
import { noProxy } from './no-proxy.ts'
import { type ProcessIdentity, identify, isAlive, signal } from './process-identity.ts'
import { waitFor } from './wait.ts'

/** A variable in the environment of every process of the cluster, which children inherit: `down` finds them by it. */
export const marker = 'SIGNET_CLUSTER_STATE'

export interface DaemonOptions {
  name: string
  command: string
  args: string[]
  logFile: string
  /** Value of the marker: the state directory that the process belongs to. */
  state: string
  env?: NodeJS.ProcessEnv
  pidFile?: string
  /** Ends with the process that started it, however that ends; else it outlives it. */
  diesWithParent?: boolean
}

/** A process in the background, its output in a log file. */
export interface Daemon extends ProcessIdentity {
  name: string
  logFile: string
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { name, logFile, pidFile } = options
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, 'a')
  const setpriv = options.diesWithParent ? findProgram('setpriv') : undefined
  const [command, ...args] = [
    ...(setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : []),
    options.command,
    ...options.args,
  ] as [string, ...string[]]
  const child = spawn(command, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...noProxy(), ...options.env, [marker]: options.state },
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new Error(`cannot start ${name}: ${error.message}`, { cause: error })))
  })
  child.unref()
  const identity = identify(child.pid ?? 0)
  if (!identity) throw await errorWithLog(`${name} ended at once`, logFile)
  const daemon = { ...identity, name, logFile }
  if (pidFile) {
    mkdirSync(dirname(pidFile), { recursive: true })
    writeFileSync(pidFile, JSON.stringify(daemon))
  }
  return daemon
}

/** For `waitFor`: an error with the end of its log if the process is gone. */
export async function goneError(daemon: Daemon): Promise<Error | undefined> {
  return isAlive(daemon) ? undefined : errorWithLog(`${daemon.name} ended`, daemon.logFile)
}

/** SIGTERM, then after the grace SIGKILL; returns when the process is gone. */
export async function stopDaemon(daemon: Daemon, graceMs = 0): Promise<void> {
  const gone = () => Promise.resolve(!isAlive(daemon))
  if (graceMs > 0 && signal(daemon, 'SIGTERM')) {
    await waitFor({ what: `${daemon.name} to end`, limitMs: graceMs, everyMs: 20, until: gone }).catch(() => undefined)
  }
  signal(daemon, 'SIGKILL')
  await waitFor({ what: `${daemon.name} to end after SIGKILL`, limitMs: 10_000, everyMs: 20, until: gone })
}
