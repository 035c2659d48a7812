import type { IncomingMessage } from 'node:http'
import { OAuthError } from './oauth-error.ts'

const name = 'authorization'

/**
 * The Authorization header. Several are refused: Node drops all but the first, and who stands between may have looked at
 * another of them (RFC 9110 §5.3).
 */
export function authorizationOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
  const { authorization } = headers
  if (authorization === undefined) return undefined
  let found = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index]
    if (raw?.length === name.length && raw.toLowerCase() === name) found += 1
  }
  if (found > 1) throw new OAuthError('invalid_request', 'more than one Authorization header: send one')
  return authorization
}
