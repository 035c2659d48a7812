import { execFile } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { root } from './run.ts'

/** Where package.json's `exports` finds the SDK: beside `dist`, which is the image's build context. */
export const verifierDirectory = join(root, 'dist-verifier')

/**
 * Builds the SDK into a folder: one module that needs nothing but Node, and its types. Built aside and moved in place
 * whole.
 */
export async function buildVerifier(directory: string = verifierDirectory): Promise<void> {
  const output = `${directory}.${process.pid}.new`
  await mkdir(output, { recursive: true })
  await Promise.all([
    build({
      entryPoints: { verifier: join(root, 'src/verifier/index.ts') },
      outdir: output,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node22',
      format: 'esm',
      legalComments: 'inline',
      logLevel: 'warning',
    }),
    promisify(execFile)(
      process.execPath,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        ...['--project', join(root, 'tsconfig.verifier.json'), '--outDir', join(output, 'types')],
      ],
      { timeout: 120_000 },
    ),
  ])
  await rm(directory, { recursive: true, force: true })
  await rename(output, directory)
}
