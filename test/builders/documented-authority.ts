import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterIssuer } from './account-token.ts'
import { run } from '../../tools/cluster/command.ts'
import { silent } from '../../tools/cluster/log.ts'
import { ensurePackages } from '../../tools/cluster/packages.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { type RunningAuthority, type RunningAuthorityOptions, startAuthority } from './running-authority.ts'

const accountFile = '/var/run/secrets/account/token'

/** A page of docs/, and the shell commands that it shows. */
export async function readPage(name: string): Promise<{ readonly text: string; readonly commands: readonly string[] }> {
  const text = await readFile(join(projectDirectory, 'docs', name), 'utf8')
  return { text, commands: [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command = '']) => command) }
}

/** An authority over HTTPS to which every pod exists, and a folder like that of a pod to run a page's commands in. */
export class DocumentedAuthority {
  readonly issuer: string
  readonly #authority: RunningAuthority
  readonly #directory: string

  private constructor(authority: RunningAuthority, directory: string) {
    this.issuer = authority.issuer
    this.#authority = authority
    this.#directory = directory
  }

  static async start(options: Pick<RunningAuthorityOptions, 'clock'> = {}): Promise<DocumentedAuthority> {
    await ensurePackages(['curl'], silent)
    const authority = await startAuthority({
      clusterKeys: { issuer: clusterIssuer, key: () => keys.RS256.publicJwk, refresh: async () => true },
      objects: { areKnown: () => true, look: async () => 'present' },
      identities: { ready: () => true, exists: () => true },
      ...options,
    })
    const documented = new DocumentedAuthority(authority, await mkdtemp(join(tmpdir(), 'signet-docs-')))
    await documented.write('ca.crt', authority.trustBundle)
    return documented
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.#directory, name), text)
  }

  /** What a command prints where the pod's ServiceAccount token is the one in this file of the folder. */
  async run(command: string, account: string): Promise<string> {
    if (!command.includes(accountFile)) throw new Error(`the command reads no ${accountFile}: ${command}`)
    const here = command.replace(accountFile, account)
    const settings = `SIGNET_DIR='${this.#directory}' SIGNET_ISSUER='${this.issuer}' no_proxy=localhost`
    return (await run('sh', ['-ec', `cd '${this.#directory}'\nexport ${settings}\n${here}`])).stdout
  }

  async close(): Promise<void> {
    await this.#authority.close()
    await rm(this.#directory, { recursive: true })
  }
}
