import type { Clock } from '../../../time/clock.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** The flags that select a cluster and a namespace. */
export interface ConnectionFlags {
  readonly namespace?: string
  readonly context?: string
  readonly kubeconfig?: string
}

/** A connection to a cluster, and the namespace for resources without a namespace. */
export interface Session {
  readonly client: KubeClient
  readonly server: string
  readonly namespace: string
  close(): Promise<void>
}

/** The environment of a command. Tests pass fakes. */
export interface Context {
  readonly terminal: Terminal
  readonly clock: Clock
  pause(milliseconds: number): Promise<void>
  /** Opens a session, which `runPlugin` closes. */
  connect(flags: ConnectionFlags): Promise<Session>
}
