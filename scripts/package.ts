import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { verifierDirectory } from './build-verifier.ts'
import { root } from './run.ts'
import { verifierManifest } from './verifier-manifest.ts'

/**
 * `npm run package`, after `npm run build`: the npm package of the verifier and the kubectl plugin, in `build/release`.
 * Chart and image are made by helm and docker.
 */
const release = join(root, 'build/release')
const staged = join(root, 'build/package')

await rm(release, { recursive: true, force: true })
await rm(staged, { recursive: true, force: true })
await mkdir(release, { recursive: true })
await mkdir(staged, { recursive: true })
await cp(verifierDirectory, join(staged, 'dist-verifier'), { recursive: true })
await copyFile(join(root, 'LICENSE'), join(staged, 'LICENSE'))
await copyFile(join(root, 'docs/guides/verifier.md'), join(staged, 'README.md'))
await writeFile(join(staged, 'package.json'), `${JSON.stringify(verifierManifest(packageJson), undefined, 2)}\n`)
await promisify(execFile)('npm', ['pack', staged, '--pack-destination', release, '--silent'], { cwd: root })
await copyFile(join(root, 'dist/kubectl-signet'), join(release, 'kubectl-signet'))
