import type * as z from 'zod/mini'
import { SignetError } from '../../errors.ts'

/** A setting has no usable value: `ERR_CONFIG`. The message names the flag or variable, the value and the remedy. */
export class ConfigError extends SignetError {
  constructor(message: string) {
    super('ERR_CONFIG', message)
  }
}

/** One setting of a command: a flag, and the environment variable `SIGNET_` followed by the flag in capitals. */
export interface Setting {
  /** Without the leading dashes: `metrics-port`. */
  readonly flag: string
  /** The name of the value in `--help`, such as `PORT`. */
  readonly argument: string
  readonly description: string
  /** The value if neither flag nor variable is set, in the syntax of the flag. */
  readonly fallback?: string
  /** Parses the text of the flag or variable. */
  readonly schema: z.ZodMiniType
}

/** The settings of a command by name, in the order of `--help`. The name is the flag in camel case. */
export type Settings = Readonly<Record<string, Setting>>

/** The parsed values of settings. */
export type Values<S extends Settings> = { readonly [Name in keyof S]: z.output<S[Name]['schema']> }

/**
 * Parses every setting: the flag takes precedence over the environment variable, and that over the default. An empty
 * variable counts as unset. Throws ConfigError for the first setting without a usable value.
 */
export function readSettings<const S extends Settings>(
  settings: S,
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Values<S> {
  const entries = Object.entries(settings).map(([name, setting]) => {
    const variable = variableOf(setting)
    const fromFlag = flags[name]
    const fromEnvironment = environment[variable]
    const value = fromFlag ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? setting.fallback
    const read = setting.schema.safeParse(value)
    if (read.success) return [name, read.data]
    const source = fromFlag === undefined ? variable : `--${setting.flag}`
    throw new ConfigError(
      `${source}: cannot use "${typeof value === 'string' ? value : ''}": ${read.error.issues[0]?.message ?? 'invalid value'}`,
    )
  })
  // The schema of each setting returned the value under the name of that setting.
  return Object.fromEntries(entries) as Values<S>
}

/** The environment variable of a setting: `--metrics-port` → `SIGNET_METRICS_PORT`. */
export function variableOf({ flag }: Pick<Setting, 'flag'>): string {
  return `SIGNET_${flag.replaceAll('-', '_').toUpperCase()}`
}
