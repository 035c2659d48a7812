import { SignetError } from '../../../errors.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'

/** The arguments are not valid: `ERR_USAGE`, exit code 2. */
export class UsageError extends SignetError {
  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

/** The command has failed: `ERR_COMMAND`, exit code 1. The message has the cause and the remedy. */
export class CommandError extends SignetError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_COMMAND', message, options)
  }
}

/** The remedy for a failed request, to append to its message. Empty if the message of the API server has it already. */
export function remedyOf(error: unknown, server: string | undefined): string {
  if (!(error instanceof KubeError)) return ''
  if (error.isUnreachable) {
    return `; check that the cluster ${server === undefined ? '' : `at ${server} `}is running, and the --context`
  }
  if (error.status === 401) return '; log in to the cluster again, or use another --context'
  if (error.isForbidden) return '; kubectl auth can-i --list shows your rights'
  return ''
}
