import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** End-to-end files that run last, in this order: they take the installation away from the others. */
const last = ['failover.test.ts', 'cleanup.test.ts']

/** Begun first in their group, so that at its end no core is left without work beside one long file. */
const long = [
  'test/model/model.test.ts',
  'test/controller/service-identity/reconciler.test.ts',
  'test/webhook/command.test.ts',
  'test/redis/authority-faults.test.ts',
  'test/apiserver/controller.test.ts',
  'test/apiserver/key-rings.test.ts',
  'test/apiserver/admission-policies-references.test.ts',
]

/** The end-to-end tests share one cluster, so their files run in a fixed order; all others as vitest has it. */
export class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => {
      const groups = groupOf(a) - groupOf(b)
      if (groups !== 0) return groups
      if (isEndToEnd(a) && isEndToEnd(b)) return lastRank(a) - lastRank(b) || (a.moduleId < b.moduleId ? -1 : 1)
      return longRank(a) - longRank(b)
    })
  }
}

const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder
const isEndToEnd = ({ project }: TestSpecification): boolean => project.name === 'e2e'
const lastRank = ({ moduleId }: TestSpecification): number => last.indexOf(basename(moduleId))

function longRank({ moduleId }: TestSpecification): number {
  const rank = long.findIndex((file) => moduleId.endsWith(`/${file}`))
  return rank === -1 ? long.length : rank
}
