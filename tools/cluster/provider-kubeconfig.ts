import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { run } from './command.ts'
import type { Log } from './log.ts'
import { clientTools } from './tools.ts'

export function givenKubeconfig(): string | undefined {
  return process.env.SIGNET_TEST_KUBECONFIG || undefined
}

/** A cluster of the user's, named by its kubeconfig; nothing is started, recorded or stopped. */
export async function useKubeconfig(file: string, log: Log) {
  const kubeconfig = resolve(file)
  if (!existsSync(kubeconfig)) throw new Error(`SIGNET_TEST_KUBECONFIG names no file: ${kubeconfig}`)
  const tools = await clientTools(log)
  await run(tools.kubectl, ['--kubeconfig', kubeconfig, '--request-timeout=10s', 'get', '--raw', '/readyz'])
  log(`using the cluster of ${kubeconfig}`)
  return { provider: 'kubeconfig' as const, kubeconfig, ...tools }
}
