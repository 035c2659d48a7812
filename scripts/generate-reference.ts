/**
 * Writes docs/reference/ from the sources of what the pages list: CRDs, settings, metrics, error codes, labels.
 * With `--check`, writes nothing and fails if a page is not up to date.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandsPage } from './reference/commands.ts'
import { errorsPage } from './reference/errors.ts'
import { labelsPage } from './reference/labels.ts'
import { metricsPage } from './reference/metrics.ts'
import { resourcesPage } from './reference/resources.ts'
import { root } from './run.ts'

/** The generated pages by file name. */
export const referencePages: Readonly<Record<string, () => string>> = {
  'resources.md': resourcesPage,
  'commands.md': commandsPage,
  'metrics.md': metricsPage,
  'errors.md': errorsPage,
  'labels-and-annotations.md': labelsPage,
}

if (import.meta.main) {
  for (const [file, generate] of Object.entries(referencePages)) {
    const path = join(root, 'docs/reference', file)
    if (!process.argv.includes('--check')) await writeFile(path, generate())
    else if ((await readFile(path, 'utf8').catch(() => '')) !== generate()) {
      console.error(`docs/reference/${file} is not up to date: run npm run reference`)
      process.exitCode = 1
    }
  }
}
