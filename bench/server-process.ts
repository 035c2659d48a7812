import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { InPod } from './in-pod.ts'

/** A server in a process of its own, so that what drives it does not share its event loop. */
export interface ServerProcess {
  readonly port: number
  /** What it holds of memory just now, in MiB. */
  readonly residentMb: () => Promise<number>
  /** Processor time used since its start, in seconds. */
  readonly cpuSeconds: () => Promise<number>
  /** As kubelet does it, and the kernel: one signal, then it is waited for. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  /** Ends it as soon as it can be. */
  readonly stop: () => Promise<void>
}

/** How Node runs a server, and how the server tells its port on standard output: the first group. */
export interface ServerCommand {
  readonly parameters: readonly string[]
  readonly announcement: RegExp
  /** Where the process runs; by default directly on this machine. */
  readonly inPod?: InPod
}

const onMachine: InPod = (parameters) => ({ file: process.execPath, parameters, env: process.env })

/** Resolves once the server listens. */
export async function startServerProcess({
  parameters,
  announcement,
  inPod = onMachine,
}: ServerCommand): Promise<ServerProcess> {
  const command = inPod([...profilerOptions(), ...parameters])
  const child = spawn(command.file, command.parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...command.env, NODE_ENV: 'production' },
  })
  const exited = once(child, 'exit')
  const port = await new Promise<number>((resolve, reject) => {
    let text: string | undefined = ''
    child.stdout.on('data', (part: Buffer) => {
      if (text === undefined) return
      text += part.toString()
      const found = announcement.exec(text)
      if (found === null) return
      text = undefined
      resolve(Number(found[1]))
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      reject(
        new Error(`${parameters.join(' ')} ended with exit code ${String(code)} before it listened: ${text ?? ''}`),
      )
    })
  })
  return {
    port,
    residentMb: async () => {
      const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
    },
    cpuSeconds: async () => {
      const fields = (await readFile(`/proc/${String(child.pid)}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      // proc(5): utime and stime, in clock ticks, of which Linux tells user space 100 a second.
      return (Number(fields[11]) + Number(fields[12])) / 100
    },
    end: async (signal) => {
      child.kill(signal)
      await exited
    },
    stop: async () => {
      child.kill('SIGTERM')
      // A second one ends it without serving on for those who have not heard of it.
      const hurry = setInterval(() => child.kill('SIGTERM'), 200)
      await exited
      clearInterval(hurry)
    },
  }
}

/** `SIGNET_BENCH_PROFILE=DIR` writes a CPU profile of each server there. */
function profilerOptions(): string[] {
  const directory = process.env.SIGNET_BENCH_PROFILE
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`]
}
