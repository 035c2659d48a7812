import { Socket } from 'node:net'
import type { Caller, CallerAuthenticator, PresentedCredentials } from '../../src/authority/callers/caller.ts'
import type { FormRequest } from '../../src/authority/oauth/form-endpoint.ts'
import { OAuthError } from '../../src/authority/oauth/oauth-error.ts'
import { parseIdentityKey } from '../../src/identity/service-identity.ts'

/** Believes `Bearer shop/orders`, and nothing else. */
export const callers: CallerAuthenticator = { authenticate: believe, identify: believe }

function believe({ authorization }: PresentedCredentials): Promise<Caller> {
  const key = /^Bearer ([^/]+\/[^/]+)$/.exec(authorization ?? '')?.[1]
  if (key === undefined) return Promise.reject(new OAuthError('invalid_client', 'no credential was sent'))
  const identity = parseIdentityKey(key)
  const caller: Caller = {
    identity,
    subject: `spiffe://cluster.local/ns/${identity.namespace}/sa/${identity.name}`,
    credential: 'service-account-token',
    expiresAt: Number.POSITIVE_INFINITY,
  }
  return Promise.resolve(caller)
}

/** A form by this identity. */
export function form(caller: string | undefined, parameters: Readonly<Record<string, string>>): FormRequest {
  return {
    form: new Map(Object.entries(parameters).filter(([, value]) => value !== '')),
    authorization: caller === undefined ? undefined : `Bearer ${caller}`,
    connection: new Socket(),
    signal: new AbortController().signal,
  }
}
