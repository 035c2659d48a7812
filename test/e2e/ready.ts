import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'
import { waitFor } from '../../tools/cluster/wait.ts'

/** Before each end-to-end file, outside every limit of a test: a first build of Kubernetes takes many minutes. */
const outcome = inject('clusterOutcome')
await waitFor({
  what: 'the cluster of the end-to-end tests',
  limitMs: 60 * 60_000,
  until: () => Promise.resolve(existsSync(outcome)),
})
const failure = await readFile(outcome, 'utf8')
if (failure !== '') throw new Error(`the cluster of the end-to-end tests is not there: ${failure}`)
