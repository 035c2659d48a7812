import { SignetError } from '../../../errors.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'

/** The command was given in a way that it cannot be run: exit code 2. */
export class UsageError extends SignetError {
  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

/** The command could not do what it was asked for: exit code 1. The message names what, and the remedy. */
export class CommandError extends SignetError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_COMMAND', message, options)
  }
}

/** What to do about a call that failed; nothing where the API server's own words say it. */
export function remedyOf(error: unknown, server: string | undefined): string {
  if (!(error instanceof KubeError)) return ''
  if (error.isUnreachable) {
    return `; is the cluster ${server === undefined ? '' : `at ${server} `}up, and is this the right --context?`
  }
  if (error.status === 401) return '; log in to the cluster again, or give another --context'
  if (error.isForbidden) return '; see what you may do with: kubectl auth can-i --list'
  return ''
}
