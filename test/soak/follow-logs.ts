import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../tools/cluster/cluster.ts'

/** Hands over each line of a pod's log once, until the signal; kubectl is started anew where it ends before that. */
export async function followLogs(
  cluster: Cluster,
  { namespace, pod }: { namespace: string; pod: string },
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let seen = 0
  while (!signal.aborted) {
    let skip = seen
    const child = spawn(cluster.kubectl, ['-n', namespace, 'logs', '-f', pod], {
      env: { ...process.env, ...cluster.env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const end = () => child.kill()
    signal.addEventListener('abort', end, { once: true })
    const ended = new Promise((resolve) => child.once('close', resolve))
    for await (const line of createInterface({ input: child.stdout })) {
      if (skip > 0) skip -= 1
      else {
        seen += 1
        onLine(line)
      }
    }
    await ended
    signal.removeEventListener('abort', end)
    await sleep(1000, undefined, { signal }).catch(() => undefined)
  }
}
