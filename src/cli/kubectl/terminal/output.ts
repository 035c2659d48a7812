import { type Command, Option } from 'commander'
import type { KubeObject } from '../../../kube/client/object.ts'
import type { Terminal } from './terminal.ts'

export type Format = 'json' | 'yaml' | 'wide'

/** Adds `-o` with the formats that a command supports in addition to its table. */
export function addOutput(command: Command, formats: readonly Format[]): Command {
  return command.addOption(new Option('-o, --output <FORMAT>', 'output format').choices(formats))
}

/** Prints a value as JSON or YAML. Returns false and prints nothing for another format. */
export async function printed(terminal: Terminal, value: unknown, format: Format | undefined): Promise<boolean> {
  if (format !== 'json' && format !== 'yaml') return false
  if (format === 'json') terminal.out(`${JSON.stringify(value, undefined, 2)}\n`)
  else terminal.out((await import('./yaml.ts')).toYaml(value))
  return true
}

/** The object without `metadata.managedFields`. */
export function readable<T extends KubeObject>(object: T): T {
  const { managedFields: _hidden, ...metadata } = object.metadata
  return { ...object, metadata }
}
