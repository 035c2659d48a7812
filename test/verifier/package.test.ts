import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { buildVerifier } from '../../scripts/build-verifier.ts'
import { root } from '../../scripts/run.ts'

const run = promisify(execFile)
let scratch: string
let installed: string

/** A folder that has the package installed, and of all others only the types of Node. */
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'signet-package-'))
  installed = join(scratch, 'node_modules/@signet-dev/signet')
  await mkdir(installed, { recursive: true })
  await cp(join(root, 'package.json'), join(installed, 'package.json'))
  await buildVerifier(join(installed, 'dist-verifier'))
  await mkdir(join(scratch, 'node_modules/@types'))
  for (const types of ['@types/node', 'undici-types']) {
    await symlink(join(root, 'node_modules', types), join(scratch, 'node_modules', types))
  }
}, 120_000)

afterAll(() => rm(scratch, { recursive: true, force: true }))

describe('the package, imported by its name', () => {
  it('has what the barrel has, and nothing besides Node to load', async () => {
    const script = "import('@signet-dev/signet/verifier').then((sdk) => console.log(Object.keys(sdk).join()))"
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: scratch })
    const barrel = Object.keys(await import('../../src/verifier/index.ts'))
    expect(stdout.trim().split(',').sort()).toEqual(barrel.sort())
    const bundle = await readFile(join(installed, 'dist-verifier/verifier.mjs'), 'utf8')
    const imports = [...bundle.matchAll(/\bfrom\s*["']([^"']+)["']/g)].map(([, name]) => name ?? '')
    expect(imports.length).toBeGreaterThan(3)
    expect(imports.filter((name) => !name.startsWith('node:'))).toEqual([])
  })

  it('opens no other door into the package', async () => {
    for (const path of ['', '/dist-verifier/verifier.mjs', '/dist/signet.mjs']) {
      const script = `import('@signet-dev/signet${path}').catch(({ code }) => console.log(code))`
      const { stdout } = await run(process.execPath, ['-e', script], { cwd: scratch })
      expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n')
    }
  })

  it('refuses a bad token, and lets the process end without being closed', async () => {
    await writeFile(
      join(scratch, 'main.mjs'),
      `import { createVerifier, TokenError } from '@signet-dev/signet/verifier'
       const verifier = createVerifier({ issuer: 'https://127.0.0.1:1', audience: 'payments', ca: 'system' })
       const error = await verifier.verify('a.b.c').catch((error) => error)
       console.log(error instanceof TokenError, error.code)`,
    )
    const { stdout } = await run(process.execPath, ['main.mjs'], { cwd: scratch, timeout: 50_000 })
    expect(stdout).toBe('true ERR_TOKEN_MALFORMED\n')
  })

  it('has types that a strict program is checked against', async () => {
    await writeFile(
      join(scratch, 'good.ts'),
      `import { createServer } from 'node:http'
       import { type Caller, createVerifier, tokenSource, TokenError, type Verifier, withCaller } from '@signet-dev/signet/verifier'
       const verifier: Verifier = createVerifier({ audience: 'payments', revocations: 'optional' })
       createServer(withCaller(verifier, (_, response, caller: Caller) => response.end(caller.subject)))
       export const exp: Promise<number> = verifier.verify('x').then(({ claims }) => claims.exp)
       export const code = (error: unknown): string => (error instanceof TokenError ? error.code : 'other')
       export const token: Promise<string> = tokenSource({ name: 'ledger' }).token()\n`,
    )
    await writeFile(
      join(scratch, 'bad.ts'),
      `import { createVerifier } from '@signet-dev/signet/verifier'
       createVerifier({ audience: 'payments', revocations: 'of' })
       createVerifier({})\n`,
    )
    const options = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--noEmit',
    ]
    const command = [join(root, 'node_modules/typescript/bin/tsc'), ...options, '--types', 'node', 'good.ts', 'bad.ts']
    const said = await run(process.execPath, command, { cwd: scratch }).then(
      () => '',
      (error: unknown) => (error as { stdout: string }).stdout,
    )
    expect(said.match(/^\S+ error TS\d+/gm)).toEqual(['bad.ts(2,47): error TS2322', 'bad.ts(3,23): error TS2345'])
  }, 180_000)

  it('is built beside the folder that the image is made of', async () => {
    expect(packageJson.exports['./verifier'].default).toMatch(/^\.\/dist-verifier\//)
    const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
    expect(dockerfile).not.toContain('verifier')
    expect(await readdir(join(installed, 'dist-verifier'))).toEqual(['types', 'verifier.mjs'])
  })
})
