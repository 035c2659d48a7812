import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createCertificateAuthority,
  type IssuedCertificate,
  issueServingCertificate,
} from '../../src/certificates/issue.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'

/** The name that the API server asks for, as in the certificates made here. */
export const servingName = 'signet-webhook.signet-system.svc'

/** What a serving certificate's Secret holds, PEM. */
export type ServingFiles = Readonly<Record<'tls.crt' | 'tls.key' | 'ca.crt', string>>

/** A trust domain's CA that issues serving certificates as the controller does. */
export class ServingAuthority {
  readonly ca: string
  private readonly authority: IssuedCertificate

  private constructor(authority: IssuedCertificate) {
    this.authority = authority
    this.ca = authority.certificatePem
  }

  static async create(): Promise<ServingAuthority> {
    const now = Date.now()
    const validity = { notBefore: now - DAY, notAfter: now + 30 * DAY }
    return new ServingAuthority(
      await createCertificateAuthority({ commonName: 'Signet test', trustDomain: 'cluster.local', ...validity }),
    )
  }

  /** A leaf with a key of its own; its times are in milliseconds since the epoch. */
  async issue({
    notBefore = Date.now() - HOUR,
    notAfter = Date.now() + DAY,
    dnsNames = [servingName],
  } = {}): Promise<ServingFiles> {
    const { authority } = this
    const leaf = await issueServingCertificate({ ca: authority, dnsNames, notBefore, notAfter })
    return { 'tls.crt': leaf.certificatePem, 'tls.key': leaf.privateKeyPem, 'ca.crt': this.ca }
  }
}

/** A folder as kubelet mounts a Secret: links over `..data`, which is itself a link and swapped at once. */
export class SecretFolder {
  readonly path: string
  private version = 0

  private constructor(path: string) {
    this.path = path
  }

  /** An empty one, as of a Secret that does not exist yet. */
  static async create(): Promise<SecretFolder> {
    return new SecretFolder(await mkdtemp(join(tmpdir(), 'signet-secret-')))
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    this.version += 1
    const current = `..version_${this.version}`
    await mkdir(join(this.path, current))
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(this.path, current, name), text)
      await symlink(join('..data', name), join(this.path, name)).catch(() => undefined)
    }
    await symlink(current, join(this.path, '..data_tmp'))
    await rename(join(this.path, '..data_tmp'), join(this.path, '..data'))
    await rm(join(this.path, `..version_${this.version - 1}`), { recursive: true, force: true })
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true })
  }
}
