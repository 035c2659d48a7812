import tseslint from 'typescript-eslint'
import { noFixedSleep } from './scripts/no-fixed-sleep.ts'

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      // Build output, also unfinished: `npm test` lints beside the build of the end-to-end cluster's images.
      ...['dist', 'dist.*', 'dist-verifier', 'dist-verifier.*', 'build'],
      'src/api/v1alpha1/types.ts',
      '**/*.mjs',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Numbers in template literals read well and cannot be confused with anything else.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => doIt()` as a short callback is how the code base writes handlers.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `const { secret: _dropped, ...rest }` is how a member is left out.
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },
  {
    // Async functions without await are how fakes and test doubles meet an asynchronous interface.
    files: ['test/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/require-await': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    // Tests of these layers wait for real processes, or measure time.
    ignores: ['apiserver', 'redis', 'faults', 'e2e', 'soak', 'fuzz'].map((layer) => `test/${layer}/**`),
    plugins: { signet: { rules: { 'no-fixed-sleep': noFixedSleep } } },
    rules: { 'signet/no-fixed-sleep': 'error' },
  },
)
