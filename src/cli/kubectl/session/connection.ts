import type { Command } from 'commander'
import { loadUserConfig } from '../../../kube/client/kubeconfig.ts'
import { version } from '../../version.ts'
import type { ConnectionFlags, Session } from './context.ts'

/** Adds the flags that every command takes, before its name or after it. */
export function addConnection(command: Command): Command {
  return command
    .option('-n, --namespace <NAME>', "namespace of the identity (default: the context's)")
    .option('--context <NAME>', 'context of the kubeconfig to use')
    .option('--kubeconfig <FILE>', 'path of the kubeconfig to use')
}

/** The flags of a command, merged with the flags before its name. A flag after the name takes precedence. */
export function flagsOf<T extends object>(command: Command, own: T): ConnectionFlags & T {
  return { ...command.parent?.opts<ConnectionFlags>(), ...own }
}

/** Connects as kubectl does, with the kubeconfig and its exec plugins. Imports the client only when a command connects. */
export async function connect({ namespace, context, kubeconfig }: ConnectionFlags): Promise<Session> {
  const configuration = await loadUserConfig({ kubeconfig, context })
  const { HttpKubeClient } = await import('../../../kube/client/http-client.ts')
  const client = new HttpKubeClient(configuration, { userAgent: `kubectl-signet/${version}` })
  return {
    client,
    server: configuration.server,
    namespace: namespace ?? configuration.namespace ?? 'default',
    close: () => client.close(),
  }
}
