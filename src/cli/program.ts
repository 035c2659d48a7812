import { Command, Option } from 'commander'
import { authorityCommand, controllerCommand, type ServerCommand, webhookCommand } from './server-commands.ts'
import { readSettings, type Setting, type Settings, variableOf } from './settings/setting.ts'
import { version } from './version.ts'

/** The commands that run as servers, in the order of `--help`. */
export const serverCommands = [controllerCommand, webhookCommand, authorityCommand] as const

/** The command line of `signet`. */
export function createProgram(): Command {
  const program = new Command('signet')
    .description('Identities for Kubernetes services: keys, JWTs and their rotation, delivered into pods')
    .version(version)
    .showHelpAfterError()
  addServerCommand(program, controllerCommand)
  addServerCommand(program, webhookCommand)
  addServerCommand(program, authorityCommand)
  addCheckAuthority(program)
  return program
}

function addServerCommand<S extends Settings>(program: Command, command: ServerCommand<S>): void {
  const { name, description, settings, run } = command
  const added = program.command(name).description(description)
  for (const setting of Object.values(settings)) added.addOption(optionOf(setting))
  added.action((flags: Record<string, unknown>) => run(readSettings(settings, flags, process.env), stopSignal()))
}

function optionOf(setting: Setting): Option {
  const { flag, argument, description, fallback = '' } = setting
  const shown = fallback === '' ? '' : `, default: ${fallback}`
  return new Option(`--${flag} <${argument}>`, `${description} (env: ${variableOf(setting)}${shown})`)
}

function addCheckAuthority(program: Command): void {
  program
    .command('check-authority')
    .description('fetch the discovery document and the JWK Set of an authority, and verify that they match')
    .requiredOption('--url <URL>', 'URL at which the authority is reachable')
    .option('--issuer <URL>', 'issuer that the discovery document must name (default: the URL)')
    .option('--ca-file <FILE>', 'PEM file with the CA certificates to trust (default: the public CAs)')
    .action(async (check: { url: string; issuer?: string; caFile?: string }) => {
      process.stdout.write(`${await (await import('./commands/check-authority.ts')).checkAuthority(check)}\n`)
    })
}

/** Aborted by the first SIGTERM or SIGINT. A second signal ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort()
    })
  }
  return controller.signal
}
