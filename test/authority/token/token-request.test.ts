import { describe, expect, it } from 'vitest'
import { jwtBearerAssertion } from '../../../src/authority/oauth/parameters.ts'
import { readTokenRequest } from '../../../src/authority/token/token-request.ts'

const exchange = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'x.y.z',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
}
const credentials = {
  grant_type: 'client_credentials',
  client_assertion: 'x.y.z',
  client_assertion_type: jwtBearerAssertion,
}
const subject = { clientAssertionType: jwtBearerAssertion, clientAssertion: 'x.y.z' }
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

type Parameters = Record<string, string | undefined>

function read(parameters: Parameters, authorization?: string) {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return readTokenRequest({ form: new Map(given), authorization })
}

describe('a request for an exchange', () => {
  it('asks for an access token for the default audience where it says no more', () => {
    expect(read(exchange)).toEqual({
      grant: 'exchange',
      subject,
      client: undefined,
      clientID: undefined,
      profile: 'AccessToken',
      audience: undefined,
      scopes: [],
    })
  })

  it.each<[Parameters, object]>([
    [{ requested_token_type: accessToken }, { profile: 'AccessToken' }],
    [{ requested_token_type: jwt }, { profile: 'JWT-SVID' }],
    [{ audience: 'payments' }, { audience: 'payments' }],
    [{ audience: 'two words' }, { audience: 'two words' }],
    [{ resource: 'https://payments.example/api?x=y' }, { audience: 'https://payments.example/api?x=y' }],
    [{ resource: 'urn:example:payments' }, { audience: 'urn:example:payments' }],
    [{ resource: 'spiffe://a/ns/b/sa/c', audience: 'spiffe://a/ns/b/sa/c' }, { audience: 'spiffe://a/ns/b/sa/c' }],
    [{ scope: 'write read write' }, { scopes: ['write', 'read'] }],
    [{ scope: 'a'.repeat(1024) }, { scopes: ['a'.repeat(1024)] }],
    [{ audience: 'a'.repeat(255) }, { audience: 'a'.repeat(255) }],
    [{ client_id: 'orders' }, { clientID: 'orders' }],
    [{ unknown: 'x' }, {}],
  ])('understands %o', (parameters, expected) => {
    expect(read({ ...exchange, ...parameters })).toMatchObject(expected)
  })

  it.each<[Parameters, string]>([
    [{ grant_type: undefined }, 'invalid_request'],
    [{ grant_type: 'authorization_code' }, 'unsupported_grant_type'],
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
    [{ subject_token: undefined }, 'invalid_request'],
    [{ subject_token_type: undefined }, 'invalid_request'],
    [{ subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
    [{ subject_token_type: accessToken }, 'invalid_request'],
    [{ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
    [{ actor_token: 'x.y.z' }, 'invalid_request'],
    [{ actor_token_type: jwt }, 'invalid_request'],
    [{ audience: 'é' }, 'invalid_target'],
    [{ audience: ' a' }, 'invalid_target'],
    [{ audience: 'a\nb' }, 'invalid_target'],
    [{ audience: 'a'.repeat(256) }, 'invalid_target'],
    [{ resource: 'payments' }, 'invalid_target'],
    [{ resource: '/api' }, 'invalid_target'],
    [{ resource: 'https://payments.example/#x' }, 'invalid_target'],
    [{ resource: 'https://payments.example/#' }, 'invalid_target'],
    [{ resource: `https://${'a'.repeat(250)}` }, 'invalid_target'],
    [{ resource: 'https://payments.example', audience: 'payments' }, 'invalid_target'],
    [{ scope: 'a  b' }, 'invalid_scope'],
    [{ scope: ' a' }, 'invalid_scope'],
    [{ scope: 'a"b' }, 'invalid_scope'],
    [{ scope: 'é' }, 'invalid_scope'],
    [{ scope: 'a'.repeat(1025) }, 'invalid_scope'],
    [{ scope: 'a', requested_token_type: jwt }, 'invalid_scope'],
  ])('is refused with %o', (parameters, error) => {
    expect(() => read({ ...exchange, ...parameters })).toThrow(expect.objectContaining({ error }))
  })

  it('may say who sends it, apart from the subject', () => {
    expect(read(exchange, 'Bearer a').client).toMatchObject({ authorization: 'Bearer a' })
    expect(read({ ...exchange, client_assertion: 'a' }).client).toMatchObject({ clientAssertion: 'a' })
  })
})

describe('a request with client credentials', () => {
  it('has the assertion for its subject', () => {
    expect(read(credentials)).toEqual({
      grant: 'clientCredentials',
      subject: { ...subject, authorization: undefined },
      client: undefined,
      clientID: undefined,
      profile: 'AccessToken',
      audience: undefined,
      scopes: [],
    })
  })

  it.each<[Parameters, string]>([
    [{ client_assertion: undefined }, 'invalid_client'],
    [{ requested_token_type: jwt }, 'invalid_request'],
    [{ actor_token: 'a' }, 'invalid_request'],
  ])('is refused with %o', (parameters, error) => {
    expect(() => read({ ...credentials, ...parameters })).toThrow(expect.objectContaining({ error }))
  })

  it('is refused with a header instead of the assertion', () => {
    expect(() => read({ grant_type: 'client_credentials' }, 'Bearer a')).toThrow(
      expect.objectContaining({ error: 'invalid_client', status: 401 }),
    )
  })
})
