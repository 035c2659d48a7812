import { availableParallelism, loadavg } from 'node:os'
import { measurements } from './measurements.ts'
import { processorTime, stolenShare, timeBetween } from './stolen-time.ts'
import { formatTable } from './table.ts'

const usage = 'npm run bench -- NAME [--json] [--OPTION NUMBER ...]'

/** What the command line asks for, or a sentence that says why it cannot be done. */
function parse(parameters: readonly string[]) {
  const options: Record<string, number> = {}
  const rest: string[] = []
  let json = false
  for (let index = 0; index < parameters.length; index += 1) {
    const parameter = parameters[index] ?? ''
    if (parameter === '--json') json = true
    else if (parameter.startsWith('--')) {
      const [option = '', value = parameters[++index]] = parameter.slice(2).split('=', 2)
      const number = Number(value)
      if (value === undefined || !(number > 0)) return `--${option} takes a number above 0`
      options[option] = number
    } else rest.push(parameter)
  }
  const [name = '', ...further] = rest
  const load = Object.hasOwn(measurements, name) ? measurements[name] : undefined
  if (load === undefined || further.length > 0) return `no measurement is called "${rest.join(' ')}"`
  return { json, options, load }
}

async function help(): Promise<string> {
  const all = await Promise.all(Object.values(measurements).map((load) => load()))
  const width = Math.max(...all.map(({ name }) => name.length))
  return `${usage}\n\n${all.map(({ name, describe }) => `  ${name.padEnd(width)}  ${describe}\n`).join('')}`
}

async function main(parameters: readonly string[]): Promise<number> {
  if (parameters.includes('--help') || parameters.length === 0) {
    process.stdout.write(await help())
    return 0
  }
  const wanted = parse(parameters)
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n\n${await help()}`)
    return 2
  }
  const { name, describe, run } = await wanted.load()
  process.stderr.write(`${name}: ${describe}\n`)
  const [before = 0] = loadavg()
  if (before > availableParallelism() / 2) {
    process.stderr.write(`  the machine is busy (load ${before.toFixed(1)}): figures will be worse than they are\n`)
  }
  const atFirst = await processorTime()
  const findings = await run(wanted.options)
  const stolen = stolenShare(timeBetween(atFirst, await processorTime()))
  if (stolen >= 0.02) {
    process.stderr.write(`  the host took ${(stolen * 100).toFixed(0)} % of the processor time away: figures are worse
`)
  }
  process.stdout.write(wanted.json ? `${JSON.stringify(findings)}\n` : `\n${formatTable(name, findings)}`)
  return 0
}

process.exitCode = await main(process.argv.slice(2))
