import { vi } from 'vitest'
import type * as Schedule from '../../src/rotation/schedule.ts'
import type * as Histories from './histories.ts'
import { type Mutation, mutatedSchedule } from './mutation.ts'

/** The model over the unchanged code, or with a mutation: loaded anew, so that nothing of another remains. */
export async function loadModel(mutation?: Mutation): Promise<typeof Histories> {
  vi.resetModules()
  vi.doMock('../../src/rotation/schedule.ts', async (original) => ({
    ...(await original<typeof Schedule>()),
    ...mutatedSchedule(mutation),
  }))
  const { mutate } = await import('./mutation.ts')
  mutate(mutation)
  return import('./histories.ts')
}
