import type { Command, Option } from 'commander'
import { systemClock } from '../../src/time/clock.ts'
import { connect } from '../../src/cli/kubectl/session/connection.ts'
import { createPlugin } from '../../src/cli/kubectl/program.ts'
import { processTerminal } from '../../src/cli/kubectl/terminal/terminal.ts'
import { createProgram, serverCommands } from '../../src/cli/program.ts'
import { type Setting, variableOf } from '../../src/cli/settings/setting.ts'
import { code, page, section, table } from './markdown.ts'

/** The command lines of the image and of the kubectl plugin. */
export const signet = createProgram()
export const plugin = createPlugin({
  terminal: processTerminal,
  clock: systemClock,
  pause: () => Promise.resolve(),
  connect,
})

/** docs/reference/commands.md: every command with its flags. */
export function commandsPage(): string {
  return page(
    'Commands',
    'The flags of `signet`, the command of the image, and of `kubectl signet`, the kubectl plugin. The flag takes precedence ' +
      'over the environment variable, and the variable over the default; an empty variable counts as unset. The chart sets the flags ' +
      'of `controller`, `webhook` and `authority` from its [values](../../charts/signet/values.yaml).',
    '`src/cli/`',
    [
      ...signet.commands.map((command) => commandSection('signet', command)),
      section(
        'kubectl signet',
        `${sentence(plugin.description())} [kubectl signet](../operate/kubectl-signet.md) shows its use.`,
        optionTable(plugin),
        'Every command below takes these flags too, before its name or after it.',
      ),
      ...plugin.commands.map((command) => commandSection('kubectl signet', command)),
    ],
  )
}

function commandSection(prefix: string, command: Command): string {
  const server = serverCommands.find(({ name }) => name === command.name())
  const args = command.registeredArguments
  const aliases = command.aliases().map(code).join(', ')
  return section(
    `${prefix} ${command.name()}`,
    sentence(command.description()) + (aliases === '' ? '' : ` Alias: ${aliases}.`),
    args.length === 0
      ? ''
      : table(
          ['Argument', 'Description'],
          args.map((argument) => [
            code(argument.name()) + (argument.required ? ' (required)' : ''),
            argument.description,
          ]),
        ),
    server === undefined ? optionTable(command) : settingTable(Object.values<Setting>(server.settings)),
  )
}

function settingTable(settings: readonly Setting[]): string {
  return table(
    ['Flag', 'Environment variable', 'Default', 'Description'],
    settings.map((setting) => [
      code(`--${setting.flag} ${setting.argument}`),
      code(variableOf(setting)),
      code(setting.fallback),
      setting.description,
    ]),
  )
}

function optionTable(command: Command): string {
  const inherited = command.parent === plugin ? new Set(plugin.options.map(({ flags }) => flags)) : new Set<string>()
  const rows = command.options.filter(({ flags }) => !inherited.has(flags)).map(optionRow)
  return rows.length === 0 ? '' : table(['Flag', 'Default', 'Description'], rows)
}

function optionRow(option: Option): string[] {
  const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.join(', ')}`
  return [
    code(option.flags.replaceAll(/[<>]/g, '')) + (option.mandatory ? ' (required)' : ''),
    code(option.defaultValueDescription),
    `${option.description}${choices}`,
  ]
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}
