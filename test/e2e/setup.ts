import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { installChart, loadImages } from '../../scripts/install.ts'
import { timed } from '../../scripts/step-times.ts'
import { down, up } from '../../tools/cluster/cluster.ts'
import { values } from './values.ts'
import { prepareVerifiers } from './verifiers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A file that is there once the cluster is ready, empty, or has failed to be, with the reason. */
    clusterOutcome: string
  }
}

const log = (line: string): void => void process.stderr.write(`  ${line}\n`)

/**
 * Brings the cluster up with the chart installed, once for all end-to-end tests; ends it unless it was asked to stay.
 * Tests that need no cluster run meanwhile: `ready.ts` waits for the outcome before the first end-to-end test.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'signet-e2e-'))
  const outcome = join(directory, 'outcome')
  project.provide('clusterOutcome', outcome)
  const preparing = prepare()
    .then(
      () => '',
      (error: unknown) => describe(error),
    )
    .then(async (text) => {
      await writeFile(`${outcome}.new`, text)
      await rename(`${outcome}.new`, outcome)
    })
  return async () => {
    await preparing
    await rm(directory, { recursive: true, force: true })
    if (process.env['SIGNET_KEEP_CLUSTER'] === undefined) await down({ log })
  }
}

async function prepare(): Promise<void> {
  const cluster = await timed('cluster: build and start', () => up({ owner: 'test', log }))
  await timed('cluster: images', () => loadImages(log))
  log('installing the chart')
  await timed('cluster: chart', () => installChart(cluster, values))
  // For story.test.ts, which prepares them again and reports a failure.
  await timed('verifiers of other languages', () => prepareVerifiers(log)).catch(() => undefined)
}

/** The messages of an error and its causes, on one line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`
}
