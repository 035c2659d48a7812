import { join } from 'node:path'
import { type Daemon, startDaemon } from './daemon.ts'
import { logDirectory, pidDirectory, stateDirectory } from './paths.ts'

/** Starts a process of the cluster: outlives this one, with log, pid file and marker under the state directory. */
export function startNodeDaemon(
  name: string,
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Daemon> {
  return startDaemon({
    name,
    command,
    args,
    env,
    logFile: join(logDirectory, `${name}.log`),
    pidFile: join(pidDirectory, `${name}.json`),
    state: stateDirectory,
  })
}
