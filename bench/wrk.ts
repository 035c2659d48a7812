import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Figures } from './measurement.ts'

const run = promisify(execFile)

export interface LoadOptions {
  /** The address, with scheme, port and path. */
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent with POST where given; otherwise GET. */
  readonly body?: Buffer
  /** Instead of `body`: one for each request, in turns; none has a line break. */
  readonly bodies?: readonly string[]
}

/** Failing requests make a measurement worthless: they are fast. */
export class LoadError extends Error {}

/**
 * Puts load on a server with wrk, one thread, each connection asking again as soon as it was answered. Throws LoadError
 * where wrk is missing and cannot be installed, and where any request failed or was answered other than 2xx or 3xx.
 */
export async function load(options: LoadOptions): Promise<Figures> {
  const { url, connections, seconds } = options
  await haveWrk()
  const directory = await mkdtemp(join(tmpdir(), 'signet-bench-'))
  try {
    const script = join(directory, 'request.lua')
    const lines = join(directory, 'bodies.txt')
    if (options.bodies !== undefined) await writeFile(lines, `${options.bodies.join('\n')}\n`)
    await writeFile(script, luaOf(options, lines))
    const parameters = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', script, url]
    const { stdout } = await run('wrk', parameters)
    const line = stdout.split('\n').find((text) => text.startsWith('figures '))
    if (line === undefined) throw new LoadError(`wrk gave no figures: ${stdout.slice(0, 500)}`)
    const { failed, ...figures } = JSON.parse(line.slice('figures '.length)) as Record<string, number>
    if (failed !== 0 || figures.requests === 0) {
      throw new LoadError(`${String(failed)} of ${String(figures.requests)} requests to ${url} failed`)
    }
    return figures
  } finally {
    await rm(directory, { recursive: true })
  }
}

let installed: Promise<void> | undefined

/** Installed from the distribution where it is missing; once, since loads start together and apt-get bears no other. */
function haveWrk(): Promise<void> {
  installed ??= installWrk()
  return installed
}

async function installWrk(): Promise<void> {
  if (await isThere()) return
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  for (const parameters of [
    ['update', '-q'],
    ['install', '-y', '-q', 'wrk'],
  ]) {
    const [program = '', ...rest] = [...asRoot, 'apt-get', ...parameters]
    await run(program, rest).catch(() => undefined)
  }
  if (!(await isThere()))
    throw new LoadError('wrk is missing and apt-get could not install it; install wrk and try again')
}

async function isThere(): Promise<boolean> {
  try {
    await run('wrk', ['--version'])
    return true
  } catch (error) {
    // wrk shows its version and ends with 1.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

function luaOf({ headers = {}, body, bodies }: LoadOptions, file: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers[${quote(name)}] = ${quote(value)}`)
  if (body !== undefined) lines.push('wrk.method = "POST"', `wrk.body = ${quote(body)}`)
  if (bodies !== undefined) {
    lines.push(
      'wrk.method = "POST"',
      'local bodies, turn = {}, 0',
      `for line in io.lines(${quote(file)}) do bodies[#bodies + 1] = line end`,
      'function request() turn = turn % #bodies + 1; return wrk.format(nil, nil, nil, bodies[turn]) end',
    )
  }
  return `${lines.join('\n')}
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    'figures {"requestsPerSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f,"requests":%d,"failed":%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency.max / 1000, summary.requests, failed))
end
`
}

/** A Lua string of any bytes. */
function quote(text: string | Buffer): string {
  const bytes = [...Buffer.from(text)]
  return `"${bytes.map((byte) => (byte >= 32 && byte < 127 && byte !== 34 && byte !== 92 ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`)).join('')}"`
}
