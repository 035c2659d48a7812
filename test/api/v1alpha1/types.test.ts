import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { generateTypes } from '../../../scripts/generate-types.ts'
import { projectDirectory } from '../../../tools/cluster/paths.ts'

it('types.ts is what npm run types generates from crds/', async () => {
  const committed = await readFile(join(projectDirectory, 'src/api/v1alpha1/types.ts'), 'utf8')
  expect(committed).toBe(await generateTypes())
})
