import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, run } from '../../tools/cluster/command.ts'
import { type Log, silent } from '../../tools/cluster/log.ts'
import { installPackages } from '../../tools/cluster/packages.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import type { HostProgram } from './host.ts'

/** One of examples/verify, ready to be run: prints the subject of the token on its input, or ends with code 1. */
export interface Verifier {
  name: string
  program: (issuer: string, audience: string, caFile: string) => HostProgram
}

const examples = join(projectDirectory, 'examples/verify')
const python = '/usr/bin/python3'
const goBinary = join(projectDirectory, 'build/verify-go')

export const verifiers: readonly Verifier[] = [
  {
    name: 'jose',
    program: (issuer, audience, caFile) => ({
      command: process.execPath,
      parameters: [join(examples, 'node/verify.mjs'), issuer, audience],
      env: { NODE_EXTRA_CA_CERTS: caFile },
    }),
  },
  {
    name: 'PyJWT',
    program: (issuer, audience, caFile) => ({
      command: python,
      parameters: [join(examples, 'python/verify.py'), issuer, audience],
      env: { SSL_CERT_FILE: caFile },
    }),
  },
  {
    name: 'go-oidc',
    program: (issuer, audience, caFile) => ({ command: goBinary, parameters: [issuer, audience, caFile] }),
  },
]

/** Installs what the Python example needs and builds the Go one; both only where they are not there already. */
export async function prepareVerifiers(log: Log = silent): Promise<void> {
  await Promise.all([preparePython(log), buildGo()])
}

async function preparePython(log: Log): Promise<void> {
  const { code } = await run(python, ['-c', 'import jwt, cryptography'], { allowFailure: true }).catch(() => ({
    code: 1,
  }))
  if (code === 0) return
  await installPackages(() => ['python3', 'python3-jwt', 'python3-cryptography'], log)
}

async function buildGo(): Promise<void> {
  const go = findProgram('go', ['/usr/local/go/bin'])
  if (go === undefined) throw new Error('cannot build examples/verify/go: install Go 1.25 or newer')
  await mkdir(join(projectDirectory, 'build'), { recursive: true })
  const options = { cwd: join(examples, 'go'), timeoutMs: 600_000 }
  await run('nice', ['-n', '10', go, 'build', '-o', goBinary, '.'], options)
  if (!existsSync(goBinary)) throw new Error(`go build left no ${goBinary}`)
}
