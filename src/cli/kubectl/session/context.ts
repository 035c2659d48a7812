import type { Clock } from '../../../time/clock.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** The flags by which a cluster and a namespace are chosen. */
export interface ConnectionFlags {
  readonly namespace?: string
  readonly context?: string
  readonly kubeconfig?: string
}

/** A cluster, and the namespace that is meant where none is named. */
export interface Session {
  readonly client: KubeClient
  readonly server: string
  readonly namespace: string
  close(): Promise<void>
}

/** What a command works with; tests hand in others. */
export interface Context {
  readonly terminal: Terminal
  readonly clock: Clock
  pause(milliseconds: number): Promise<void>
  /** The one session of this run, opened by its first caller. */
  connect(flags: ConnectionFlags): Promise<Session>
}
