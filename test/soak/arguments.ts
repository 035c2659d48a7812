import { memory } from './memory.ts'
import { mount } from './mount.ts'
import { nudge } from './nudge.ts'
import { outage } from './outage.ts'
import { redis } from './redis.ts'
import { revoke } from './revoke.ts'
import { rolling } from './rolling.ts'
import type { Soak } from './soak.ts'
import { verifiers } from './verifiers.ts'

const soaks: Readonly<Record<string, Soak>> = { memory, mount, nudge, outage, redis, revoke, rolling, verifiers }

export const usage = [
  'usage: npm run soak -- NAME [--minutes NUMBER] [--json]',
  '',
  ...Object.entries(soaks).map(
    ([name, { describe, defaultMinutes, leastMinutes }]) =>
      `  ${name}\n    ${describe}\n    (${defaultMinutes} minutes, or from ${leastMinutes} on)`,
  ),
].join('\n')

/** What the command line asks for. */
export interface Wanted {
  readonly name: string
  readonly soak: Soak
  readonly minutes: number
  /** One JSON object on standard output instead of a table. */
  readonly json: boolean
}

/** Reads the command line; a sentence where what it asks for cannot be done. */
export function parseArguments(parameters: readonly string[]): Wanted | 'help' | (string & {}) {
  if (parameters.length === 0 || parameters.includes('--help')) return 'help'
  const json = parameters.includes('--json')
  const [name = '', option, value, ...more] = parameters.filter((parameter) => parameter !== '--json')
  const soak = Object.hasOwn(soaks, name) ? soaks[name] : undefined
  if (soak === undefined) {
    return `no soak test is called "${name}"; there ${isAre(Object.keys(soaks))}`
  }
  if (option === undefined) return { name, soak, minutes: soak.defaultMinutes, json }
  if (option !== '--minutes' || more.length > 0) return `unknown option: ${[option, ...more].join(' ')}`
  const minutes = Number(value)
  if (!Number.isInteger(minutes) || minutes < soak.leastMinutes) {
    return `--minutes is a whole number from ${soak.leastMinutes} on, not ${value ?? 'nothing'}`
  }
  return { name, soak, minutes, json }
}

function isAre(names: readonly string[]): string {
  return names.length === 1 ? `is ${names[0] ?? ''}` : `are ${names.join(', ')}`
}
