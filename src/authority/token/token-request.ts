import type { Profile } from '../../tokens/claims.ts'
import type { PresentedCredentials } from '../callers/caller.ts'
import type { FormRequest } from '../oauth/form-endpoint.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { type Grant, grants, jwtBearerAssertion, tokenTypeUris } from '../oauth/parameters.ts'

/** A parsed request to the token endpoint, not yet authenticated or granted. */
export interface TokenRequest {
  readonly grant: Grant
  /** The credential of the token's subject. */
  readonly subject: PresentedCredentials
  /** The credential of the sender, if the request has one besides the subject's. */
  readonly client: PresentedCredentials | undefined
  /** `client_id`, which must be the subject's SPIFFE ID if it is sent. */
  readonly clientID: string | undefined
  readonly profile: Profile
  /** Undefined for the default, the trust domain. */
  readonly audience: string | undefined
  /** Without duplicates, in the order of the request. */
  readonly scopes: readonly string[]
}

/** As in the ServiceIdentity: 1 to 255 characters of printable ASCII, without a space at either end. */
const audienceForm = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/
/** RFC 6749 §3.3 */
const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const maxScopeLength = 1024

/** Parses the form. Throws an OAuthError (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2) for an invalid request. */
export function readTokenRequest({ form, authorization }: Pick<FormRequest, 'form' | 'authorization'>): TokenRequest {
  const grant = grantOf(form)
  if (form.has('actor_token') || form.has('actor_token_type')) {
    throw invalid('delegation is not supported: leave out actor_token and actor_token_type')
  }
  const profile = profileOf(form, grant)
  const client = {
    authorization,
    clientAssertionType: form.get('client_assertion_type'),
    clientAssertion: form.get('client_assertion'),
  }
  const authenticates = Object.values(client).some((value) => value !== undefined)
  const asked = {
    grant,
    clientID: form.get('client_id'),
    profile,
    audience: audienceOf(form),
    scopes: scopesOf(form, profile),
  }
  if (grant === 'clientCredentials') {
    if (client.clientAssertion === undefined) {
      throw new OAuthError('invalid_client', 'send the ServiceAccount token as client_assertion', { reason: 'none' })
    }
    return { ...asked, subject: client, client: undefined }
  }
  const subject = { clientAssertionType: jwtBearerAssertion, clientAssertion: subjectTokenOf(form) }
  return { ...asked, subject, client: authenticates ? client : undefined }
}

function grantOf(form: FormRequest['form']): Grant {
  const type = form.get('grant_type')
  if (type === undefined) throw invalid('parameter grant_type is missing')
  if (type === grants.exchange) return 'exchange'
  if (type === grants.clientCredentials) return 'clientCredentials'
  throw new OAuthError('unsupported_grant_type', `use ${grants.exchange} or ${grants.clientCredentials}`, {
    reason: 'grant',
  })
}

function subjectTokenOf(form: FormRequest['form']): string {
  const token = form.get('subject_token')
  if (token === undefined) throw invalid('parameter subject_token is missing: send the ServiceAccount token in it')
  if (form.get('subject_token_type') !== tokenTypeUris.jwt)
    throw invalid(`subject_token_type is not ${tokenTypeUris.jwt}`)
  return token
}

function profileOf(form: FormRequest['form'], grant: Grant): Profile {
  const type = form.get('requested_token_type')
  if (type === undefined || type === tokenTypeUris.accessToken) return 'AccessToken'
  if (type === tokenTypeUris.jwt && grant === 'exchange') return 'JWT-SVID'
  throw invalid(
    `requested_token_type is not one of ${tokenTypeUris.accessToken} and, for an exchange, ${tokenTypeUris.jwt}`,
  )
}

/** One audience, from `audience` or `resource` (RFC 8707 §2). Both may be sent if they are equal. */
function audienceOf(form: FormRequest['form']): string | undefined {
  const audience = form.get('audience')
  const resource = form.get('resource')
  if (audience !== undefined && !audienceForm.test(audience)) {
    throw target('an audience has 1 to 255 printable ASCII characters')
  }
  if (resource === undefined) return audience
  if (!audienceForm.test(resource) || !isResource(resource)) {
    throw target('a resource is an absolute URI without a fragment, of at most 255 characters')
  }
  if (audience !== undefined && audience !== resource) throw target('audience and resource differ: send one of them')
  return resource
}

/** RFC 8707 §2 */
function isResource(text: string): boolean {
  return URL.canParse(text) && /^[a-z][a-z0-9+.-]*:[^#]+$/i.test(text)
}

function scopesOf(form: FormRequest['form'], profile: Profile): readonly string[] {
  const scope = form.get('scope')
  if (scope === undefined) return []
  if (scope.length > maxScopeLength || !scopeForm.test(scope)) {
    throw new OAuthError('invalid_scope', 'scope is not a list of names separated by single spaces', {
      reason: 'scope',
    })
  }
  if (profile !== 'AccessToken') {
    throw new OAuthError('invalid_scope', 'only access tokens have a scope', { reason: 'scope' })
  }
  return [...new Set(scope.split(' '))]
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'request' })
}

function target(description: string): OAuthError {
  return new OAuthError('invalid_target', description, { reason: 'target' })
}
