/**
 * `npm run test:mutation [-- FILE ...]`: changes one operator, condition or statement of a security-critical file at a
 * time, runs the unit tests of that file, and counts the changes that no test notices. Works on a copy of the project.
 */
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Mutant, mutantsOf } from './mutants.ts'
import { root } from '../../scripts/run.ts'

/** The files that decide what is believed, and the unit tests that must notice a change in each. */
const targets: Readonly<Record<string, readonly string[]>> = {
  'src/tokens/check-claims.ts': ['test/tokens'],
  'src/tokens/verify.ts': ['test/tokens'],
  'src/tokens/compact.ts': ['test/tokens'],
  'src/tokens/service-account-token.ts': ['test/tokens'],
  'src/keys/public-jwk.ts': ['test/keys'],
  'src/keys/ecdsa-signature.ts': ['test/keys'],
  'src/keys/key-ring/seal.ts': ['test/keys'],
  'src/keys/key-ring/codec.ts': ['test/keys'],
  'src/policy/credential.ts': ['test/policy'],
  'src/policy/signing-key.ts': ['test/policy'],
  'src/policy/issuance.ts': ['test/policy'],
  'src/webhook/inject-volume.ts': ['test/webhook/inject-pod.test.ts', 'test/webhook/inject-pod.property.test.ts'],
}

/** Longest run of the tests of one file, in milliseconds; a mutant that hangs them is noticed. */
const limitMs = 120_000

const copy = await mkdtemp(join(tmpdir(), 'signet-mutation-'))
try {
  for (const name of [
    'src',
    'test',
    'tools',
    'scripts',
    'crds',
    'docs',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
  ])
    await cp(join(root, name), join(copy, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const wanted = process.argv.slice(2)
  let killed = 0
  let all = 0
  for (const [file, tests] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.includes(file)) continue
    const text = await readFile(join(copy, file), 'utf8')
    if (!(await passes(tests))) throw new Error(`the tests of ${file} fail without a mutation`)
    const survivors: Mutant[] = []
    const mutants = mutantsOf(file, text)
    for (const mutant of mutants) {
      await writeFile(join(copy, file), mutant.text)
      if (await passes(tests)) survivors.push(mutant)
    }
    await writeFile(join(copy, file), text)
    killed += mutants.length - survivors.length
    all += mutants.length
    console.log(`${file}: ${mutants.length - survivors.length} of ${mutants.length} killed`)
    for (const { line, change } of survivors) console.log(`  survives: ${basename(file)}:${line} ${change}`)
  }
  console.log(`${killed} of ${all} mutants killed`)
} finally {
  await rm(copy, { recursive: true, force: true })
}

function passes(tests: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const parameters = ['run', '--project', 'unit', '--bail', '1', '--retry', '0', '--reporter', 'dot', ...tests]
    const child = spawn(join(root, 'node_modules/.bin/vitest'), parameters, {
      cwd: copy,
      stdio: 'ignore',
      timeout: limitMs,
    })
    child.once('exit', (code) => resolve(code === 0))
  })
}
