import { Command, Option } from 'commander'
import { messageOf } from '../errors.ts'
import {
  ConfigError,
  readSettings,
  type Setting,
  type SettingName,
  settings,
  sharedCacheSettings,
  type Values,
  variableOf,
} from './config.ts'
import { version } from './version.ts'
import { deferWasmOptimisation } from './wasm-optimisation.ts'

const common = ['logLevel', 'metricsPort', 'probePort', 'namespace'] as const
const program = new Command('signet')
  .description('Identities for Kubernetes services: keys, JWTs and their rotation, delivered into pods')
  .version(version)
  .showHelpAfterError()

/** A command with its settings as flags; its code is loaded only when it is the one that runs. */
function command<const Names extends readonly SettingName[]>(
  name: string,
  description: string,
  names: Names,
  run: (values: Values<Names[number]>, signal: AbortSignal) => Promise<void>,
  defaults: Partial<Record<SettingName, string>> = {},
): void {
  const sub = program.command(name).description(description)
  for (const setting of names) sub.addOption(optionOf(settings[setting], defaults[setting]))
  sub.action(async (flags: Record<string, unknown>) => {
    await run(readSettings(names, flags, process.env, defaults), stopSignal())
  })
}

function optionOf(setting: Setting, fallback: string | undefined): Option {
  const standard = fallback ?? setting.fallback
  const shown = standard === undefined || standard === '' ? '' : `, default: ${standard}`
  return new Option(
    `--${setting.flag} <${setting.argument}>`,
    `${setting.description} (env: ${variableOf(setting)}${shown})`,
  )
}

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process at once. */
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

command(
  'controller',
  'reconcile identities: keys, tokens, Secrets, certificates',
  [
    ...common,
    'trustDomain',
    'issuer',
    'issuerScope',
    'clusterDomain',
    'watchNamespaces',
    'nudge',
    'allowedClaims',
    'caLifetime',
    'servingCertificateLifetime',
    'workers',
    'keyEncryptionKeyFile',
    'issuingKeyEncryptionKeyFile',
    'kubeconfig',
    'identity',
  ],
  async (values, signal) => (await import('./commands/controller/controller.ts')).runController(values, signal),
)
command(
  'webhook',
  'inject the token volume into pods, and validate resources',
  [...common, 'port', 'certificateDirectory', 'issuer', 'issuerScope', 'nudge', 'allowedClaims'],
  async (values, signal) => (await import('./commands/webhook.ts')).runWebhook(values, signal),
  { port: '10250' },
)
command(
  'authority',
  'serve discovery, JWK Sets, the SPIFFE bundle and revocations; exchange, introspect and revoke tokens',
  [
    ...common,
    'port',
    'certificateDirectory',
    'trustDomain',
    'issuer',
    'issuerScope',
    'watchNamespaces',
    'introspectors',
    'tokenLifetime',
    'allowedScopes',
    'callerRate',
    'addressRate',
    'keyEncryptionKeyFile',
    'kubeconfig',
    ...sharedCacheSettings,
  ],
  async (values, signal) => (await import('./commands/authority/authority.ts')).runAuthority(values, signal),
  { port: '8443' },
)
program
  .command('check-authority')
  .description('fetch discovery and the JWK Set of an authority and say whether they hold together')
  .requiredOption('--url <URL>', 'where the authority is reached')
  .option('--issuer <URL>', 'the issuer it has to name (default: the URL)')
  .option('--ca-file <FILE>', 'PEM certificates to trust')
  .action(async (check: { url: string; issuer?: string; caFile?: string }) => {
    process.stdout.write(`${await (await import('./commands/check-authority.ts')).checkAuthority(check)}
`)
  })

deferWasmOptimisation()
try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`signet: ${messageOf(error)}\n`)
  // Whatever a failed command had opened must not keep the process alive.
  process.exit(error instanceof ConfigError ? 2 : 1)
}
