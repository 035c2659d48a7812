import { join } from 'node:path'
import { files, mountPath, tokenFile } from '../../identity/workload.ts'

/** Where a pod finds its identity: paths of mounted files, and the issuer. */
export interface Mounted {
  /** The mounted folder, `SIGNET_DIR`. */
  readonly directory: string
  /** The identity's first token, `SIGNET_TOKEN_FILE`. */
  readonly tokenFile: string
  /** The trust bundle in the mounted folder. */
  readonly trustBundleFile: string
  /** `SIGNET_ISSUER`; undefined outside an injected pod. */
  readonly issuer: string | undefined
}

/** Reads the variables that the webhook injects. The only reader of the environment in this room. */
export function mounted(environment: NodeJS.ProcessEnv = process.env): Mounted {
  const directory = environment.SIGNET_DIR || mountPath
  return {
    directory,
    tokenFile: environment.SIGNET_TOKEN_FILE || join(directory, files.token),
    trustBundleFile: join(directory, files.trustBundle),
    issuer: environment.SIGNET_ISSUER || undefined,
  }
}

/**
 * The file of a token, by the token's name in the ServiceIdentity. Throws a TypeError for a name that is not a DNS
 * label.
 */
export function namedTokenFile(directory: string, name: string): string {
  if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw new TypeError(`not a token name: ${name}`)
  return join(directory, tokenFile(name))
}
