import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './run.ts'

/** Bundles the example services into a folder that is the context of their image. */
export async function buildExample(output: string = join(root, 'build/example')): Promise<string> {
  const source = join(root, 'examples/orders-and-payments')
  await rm(output, { recursive: true, force: true })
  await mkdir(output, { recursive: true })
  await build({
    entryPoints: [join(source, 'orders.ts'), join(source, 'payments.ts')],
    outdir: output,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    // From the source, so that the package need not be built first.
    alias: { '@signet-dev/signet/verifier': join(root, 'src/verifier/index.ts') },
    legalComments: 'none',
    logLevel: 'warning',
  })
  await cp(join(source, 'Dockerfile'), join(output, 'Dockerfile'))
  return output
}
