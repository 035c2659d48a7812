import type { IncomingMessage } from 'node:http'
import { OAuthError } from './oauth-error.ts'

const name = 'authorization'

/**
 * Returns the value of the Authorization header. Throws an OAuthError with `invalid_request` if the request has several:
 * Node keeps only the first, while a proxy in front may have checked another one (RFC 9110 §5.3).
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
