import { authoritySettings } from './commands/authority/settings.ts'
import { controllerSettings } from './commands/controller/settings.ts'
import { webhookSettings } from './commands/webhook/settings.ts'
import type { Settings, Values } from './settings/setting.ts'

/** A command that runs as a server until the signal. */
export interface ServerCommand<S extends Settings = Settings> {
  readonly name: string
  readonly description: string
  /** `--help`, the values of `run` and docs/reference/commands.md all derive from this list. */
  readonly settings: S
  readonly run: (values: Values<S>, signal: AbortSignal) => Promise<void>
}

/** Imports the code of a command only when it runs: most of a process's memory and start time is that of its imports. */
export const controllerCommand: ServerCommand<typeof controllerSettings> = {
  name: 'controller',
  description: 'reconcile identities: keys, tokens, Secrets, certificates',
  settings: controllerSettings,
  run: async (values, signal) => (await import('./commands/controller/controller.ts')).runController(values, signal),
}

export const webhookCommand: ServerCommand<typeof webhookSettings> = {
  name: 'webhook',
  description: 'inject the token volume into pods, and validate resources',
  settings: webhookSettings,
  run: async (values, signal) => (await import('./commands/webhook/webhook.ts')).runWebhook(values, signal),
}

export const authorityCommand: ServerCommand<typeof authoritySettings> = {
  name: 'authority',
  description: 'serve discovery, JWK Sets, the SPIFFE bundle and revocations; exchange, introspect and revoke tokens',
  settings: authoritySettings,
  run: async (values, signal) => (await import('./commands/authority/authority.ts')).runAuthority(values, signal),
}
