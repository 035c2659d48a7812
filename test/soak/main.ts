import { messageOf } from '../../src/errors.ts'
import { down, status } from '../../tools/cluster/cluster.ts'
import { parseArguments, usage } from './arguments.ts'
import type { Outcome } from './soak.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`  ${line}\n`)

async function main(parameters: readonly string[]): Promise<number> {
  const wanted = parseArguments(parameters)
  if (wanted === 'help') {
    say(usage)
    return 0
  }
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n\n${usage}\n`)
    return 2
  }
  const { name, soak, minutes, json } = wanted
  const found = soak.onCluster ? (await status()).state : undefined
  log(`${name}, for ${minutes} minutes: ${soak.describe}`)
  try {
    const { table, figures, failures } = await soak.run(minutes, log)
    if (json) say(JSON.stringify({ name, minutes, figures, failures }))
    else show(table, failures)
    return failures.length === 0 ? 0 : 1
  } finally {
    if (found !== undefined && found !== 'up') await down({ log })
  }
}

function show(table: Outcome['table'], failures: Outcome['failures']): void {
  const width = Math.max(...table.map(([label]) => label.length))
  say('')
  for (const [label, value] of table) say(`${label.padEnd(width)}  ${value}`)
  say('')
  for (const failure of failures) say(`falls short: ${failure}`)
  if (failures.length === 0) say('all held')
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`the soak test stopped: ${messageOf(error)}\n`)
  process.exitCode = 1
}
