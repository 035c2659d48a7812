import { ESLint } from 'eslint'
import { expect, it } from 'vitest'
import { root } from '../../scripts/run.ts'

const eslint = new ESLint({ cwd: root })

// `npm run lint` checks all folders, also while another process builds into one of these.
it.each([
  'dist/signet.mjs',
  'dist.1234.new/chunks/authority.js',
  'dist-verifier/types/verifier/index.d.ts',
  'dist-verifier.1234.new/types/verifier/index.d.ts',
  'build/package/dist-verifier/types/verifier/index.d.ts',
])('the linter ignores the build output %s', async (file) => {
  expect(await eslint.isPathIgnored(file)).toBe(true)
})
