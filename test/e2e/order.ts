import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Run last, in this order: they take the installation away from the others. */
const last = ['failover.test.ts', 'cleanup.test.ts']

/** The end-to-end tests share one cluster, so their files run in a fixed order; all else as vitest has it. */
export class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const shared = sorted.filter(isEndToEnd)
    const rank = ({ moduleId }: TestSpecification) => last.indexOf(basename(moduleId))
    shared.sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
    let next = 0
    return sorted.map((file) => (isEndToEnd(file) ? (shared[next++] ?? file) : file))
  }
}

function isEndToEnd({ project }: TestSpecification): boolean {
  return project.name === 'e2e'
}
