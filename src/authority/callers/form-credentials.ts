import type { Caller, CallerAuthenticator } from './caller.ts'
import type { FormRequest } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { peerCertificateOf } from './peer-certificate.ts'

/** Authenticates the sender of a form by its one credential. Rejects as the authenticator does. */
export function callerOf(
  authenticator: CallerAuthenticator,
  { form, authorization, connection }: FormRequest,
): Promise<Caller> {
  return authenticator.authenticate({
    authorization,
    clientAssertionType: form.get('client_assertion_type'),
    clientAssertion: form.get('client_assertion'),
    peerCertificate: peerCertificateOf(connection),
  })
}

/** The parameter `token` (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is ignored: all tokens verify alike. */
export function tokenOf({ form }: FormRequest): string {
  const token = form.get('token')
  if (token === undefined) throw new OAuthError('invalid_request', 'parameter token is missing: send the token in it')
  return token
}
