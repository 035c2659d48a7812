import type { Caller, CallerAuthenticator } from './caller.ts'
import type { FormRequest } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'

/** Who sends a form, proved by whatever it brings. Rejects as the authenticator does. */
export function callerOf(
  authenticator: CallerAuthenticator,
  { form, authorization, peerCertificate }: FormRequest,
): Promise<Caller> {
  return authenticator.authenticate({
    authorization,
    clientAssertionType: form.get('client_assertion_type'),
    clientAssertion: form.get('client_assertion'),
    peerCertificate,
  })
}

/** The parameter `token` of RFC 7662 §2.1 and RFC 7009 §2.1. The hint about its type is ignored: all are found one way. */
export function tokenOf({ form }: FormRequest): string {
  const token = form.get('token')
  if (token === undefined) throw new OAuthError('invalid_request', 'parameter token is missing: send the token in it')
  return token
}
