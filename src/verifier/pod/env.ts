import { join } from 'node:path'
import { files, mountPath, tokenFile } from '../../identity/workload.ts'

/** Where a pod finds its identity. */
export interface Mounted {
  /** The folder of the mounted files, `SIGNET_DIR`. */
  readonly directory: string
  /** The pod's first token, `SIGNET_TOKEN_FILE`. */
  readonly tokenFile: string
  /** The trust bundle that is mounted beside it. */
  readonly trustBundleFile: string
  /** `SIGNET_ISSUER`: undefined outside of an injected pod. */
  readonly issuer: string | undefined
}

/** What the webhook has put into this process's environment. The only reader of it in this room. */
export function mounted(environment: NodeJS.ProcessEnv = process.env): Mounted {
  const directory = environment.SIGNET_DIR || mountPath
  return {
    directory,
    tokenFile: environment.SIGNET_TOKEN_FILE || join(directory, files.token),
    trustBundleFile: join(directory, files.trustBundle),
    issuer: environment.SIGNET_ISSUER || undefined,
  }
}

/** The file of one token by its name in the ServiceIdentity; a TypeError for a name that is not a DNS label. */
export function namedTokenFile(directory: string, name: string): string {
  if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw new TypeError(`not the name of a token: ${name}`)
  return join(directory, tokenFile(name))
}
