import { kubernetesBinaries } from '../tools/cluster/binaries.ts'

/** Before each file that needs Kubernetes' binaries, outside every limit of a test: a first build takes many minutes. */
await kubernetesBinaries((line) => void process.stderr.write(`  ${line}\n`))
