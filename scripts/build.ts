import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildVerifier } from './build-verifier.ts'
import { bundlePlugin, bundleSignet } from './bundle.ts'
import { root } from './run.ts'

const final = join(root, 'dist')
/** Built aside and renamed as a whole, so that a process that runs the old bundle never finds half of a new one. */
const output = `${final}.${process.pid}.new`

await mkdir(output, { recursive: true })
const verifier = buildVerifier()
await bundleSignet(output)
await bundlePlugin(join(output, 'kubectl-signet'))
// The folder is the image's build context, and the plugin is no part of the image.
await writeFile(join(output, '.dockerignore'), 'kubectl-signet\n')
await rm(final, { recursive: true, force: true })
await rename(output, final)
await verifier
const bundle = await readFile(join(final, 'signet.mjs'))
const digest = createHash('sha256').update(bundle).digest('hex')
process.stdout.write(`dist/signet.mjs: sha256 ${digest.slice(0, 12)}\n`)
