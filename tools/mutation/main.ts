/**
 * `npm run test:mutation [-- FILE ...]`: changes one operator, condition or statement of a security-critical file at a
 * time, runs the unit tests of that file, and counts the changes that no test notices. Works on a copy of the project.
 */
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createVitest, type Vitest } from 'vitest/node'
import { root } from '../../scripts/run.ts'
import { type Mutant, mutantsOf } from './mutants.ts'

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
  'src/keys/key-ring/parse.ts': ['test/keys'],
  'src/keys/key-ring/key-ring.ts': ['test/keys'],
  'src/keys/key-ring/endorsement.ts': ['test/keys'],
  'src/json.ts': ['test/json.test.ts', 'test/keys/key-ring'],
  'src/policy/credential.ts': ['test/policy'],
  'src/policy/signing-key.ts': ['test/policy'],
  'src/policy/issuance.ts': ['test/policy'],
  'src/authority/callers/authenticator.ts': ['test/authority/callers'],
  'src/authority/verification/issued-token-verifier.ts': ['test/authority/introspection', 'test/authority/revocation'],
  'src/authority/token/token-endpoint.ts': ['test/authority/token'],
  'src/authority/revocation/revocation-endpoint.ts': ['test/authority/revocation'],
  'src/webhook/inject-volume.ts': ['test/webhook/inject-pod.test.ts', 'test/webhook/inject-pod.property.test.ts'],
}

/** Longest run of one test, and of all tests of a mutant, in milliseconds; a mutant that hangs them is noticed. */
const limitMs = 60_000

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
  const unknown = wanted.filter((file) => !Object.hasOwn(targets, file))
  if (unknown.length > 0)
    throw new Error(`no target ${unknown.join(', ')}; known are ${Object.keys(targets).join(', ')}`)
  const vitest = await createVitest({
    root: copy,
    project: ['unit'],
    watch: false,
    reporters: [{}],
    retry: 0,
    testTimeout: limitMs,
  })
  let killed = 0
  let all = 0
  for (const [file, tests] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.includes(file)) continue
    const text = await readFile(join(copy, file), 'utf8')
    if (!(await passes(vitest, join(copy, file), tests)))
      throw new Error(`the tests of ${file} fail without a mutation`)
    const survivors: Mutant[] = []
    const mutants = mutantsOf(file, text)
    for (const mutant of mutants) {
      await writeFile(join(copy, file), mutant.text)
      if (await passes(vitest, join(copy, file), tests)) survivors.push(mutant)
    }
    await writeFile(join(copy, file), text)
    vitest.invalidateFile(join(copy, file))
    killed += mutants.length - survivors.length
    all += mutants.length
    console.log(`${file}: ${mutants.length - survivors.length} of ${mutants.length} killed`)
    for (const { line, change } of survivors) console.log(`  survives: ${basename(file)}:${line} ${change}`)
  }
  console.log(`${killed} of ${all} mutants killed`)
  await vitest.close()
} finally {
  await rm(copy, { recursive: true, force: true })
}

/**
 * Runs the tests in one process for all mutants, because starting one costs more than the tests. Vitest keeps the
 * results of earlier runs: with `bail` it would end the next run at its first test, and `testModules` also has the files
 * of earlier targets, which are left out here.
 */
async function passes(vitest: Vitest, file: string, tests: readonly string[]): Promise<boolean> {
  vitest.invalidateFile(file)
  const found = await vitest.globTestSpecifications([...tests])
  if (found.length === 0) throw new Error(`no test below ${tests.join(', ')}`)
  const limit = setTimeout(endWorkers, limitMs)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(found)
  clearTimeout(limit)
  const ran = new Set(found.map(({ moduleId }) => moduleId))
  const judged = testModules.filter(({ moduleId }) => ran.has(moduleId))
  return unhandledErrors.length === 0 && judged.length > 0 && judged.every((module) => module.state() === 'passed')
}

/** Ends vitest's workers, because one whose test loops for ever answers no message. Their run ends with an error. */
function endWorkers(): void {
  for (const pid of readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ')) {
    if (pid !== '' && !readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('vitest-watchdog'))
      process.kill(Number(pid), 'SIGKILL')
  }
}
