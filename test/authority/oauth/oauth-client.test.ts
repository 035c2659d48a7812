import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HOUR } from '../../../src/time/duration.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { accountToken, type AccountTokenOptions, boundTo, clusterIssuer } from '../../builders/account-token.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { issuingJwk, type RunningAuthority, startAuthority } from '../../builders/running-authority.ts'
import { assertion, StrictClient } from '../../builders/strict-client.ts'

/** oauth4webapi, which refuses every answer that is not exactly what the RFCs say, against the authority over HTTPS. */
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const client: oauth.Client = { client_id: subject }

let authority: RunningAuthority
let server: oauth.AuthorizationServer
// The same caller that asks for the same gets the same token again, as on a second try: by a clock that runs it would have
// a second less to live.
const now = Date.now()
const present = { pod: true, identity: true, reachable: true }

beforeAll(async () => {
  authority = await startAuthority({
    clusterKeys: {
      issuer: clusterIssuer,
      key: (kid) => (kid === keys.RS256.keyID ? keys.RS256.publicJwk : undefined),
      refresh: async () => true,
    },
    objects: {
      areKnown: () => present.pod && present.reachable,
      look: async () => (present.reachable ? 'absent' : 'unknown'),
    },
    identities: { ready: () => true, exists: () => present.identity },
    allowedScopes: ['read', 'write'],
    clock: { now: () => now, monotonic: () => performance.now() },
  })
  const issuer = new URL(authority.issuer)
  const answer = await oauth.discoveryRequest(issuer, { ...options(), algorithm: 'oauth2' })
  server = await oauth.processDiscoveryResponse(issuer, answer)
})
afterAll(() => authority.close())
beforeEach(() => {
  present.pod = present.identity = present.reachable = true
})

const options = () => ({ [oauth.customFetch]: authority.fetch })
const token = (different: AccountTokenOptions = {}) =>
  accountToken({ now, ...different, claims: { aud: [authority.issuer], ...different.claims } })

async function ask(parameters: Record<string, string>, grant = exchange, authentication = oauth.None()) {
  const answer = await oauth.genericTokenEndpointRequest(server, client, authentication, grant, parameters, options())
  return oauth.processGenericTokenEndpointResponse(server, client, answer, {
    recognizedTokenTypes: { n_a: () => undefined },
  })
}

const exchanged = async (parameters: Record<string, string> = {}, different: AccountTokenOptions = {}) =>
  ask({ subject_token: await token(different), subject_token_type: jwt, ...parameters })

describe('what the client discovers', () => {
  it('are the endpoints and what they take', () => {
    expect(server).toMatchObject({
      issuer: authority.issuer,
      token_endpoint: `${authority.issuer}/token`,
      introspection_endpoint: `${authority.issuer}/introspect`,
      revocation_endpoint: `${authority.issuer}/revoke`,
      grant_types_supported: [exchange, 'client_credentials'],
    })
  })
})

describe('the client', () => {
  it('exchanges a ServiceAccount token for an access token', async () => {
    const answer = await exchanged({ audience: 'payments', scope: 'write read' })
    expect(answer).toMatchObject({
      issued_token_type: accessToken,
      token_type: 'bearer',
      expires_in: 300,
      scope: 'write read',
    })
    const { claims } = verifyTokenSync(answer.access_token, {
      keys: () => issuingJwk,
      issuer: authority.issuer,
      audience: 'payments',
      now,
      profile: 'AccessToken',
    })
    expect(claims).toMatchObject({ sub: subject, client_id: subject, scope: 'write read' })
  })

  it('exchanges it for a JWT-SVID', async () => {
    const answer = await exchanged({ requested_token_type: jwt, resource: 'https://payments.example' })
    expect(answer).toMatchObject({ issued_token_type: jwt, token_type: 'n_a' })
    const options = { keys: () => issuingJwk, issuer: authority.issuer, now }
    const { claims } = verifyTokenSync(answer.access_token, {
      ...options,
      audience: 'https://payments.example',
      profile: 'JWT-SVID',
    })
    expect(claims.sub).toBe(subject)
  })

  it('gets an access token with the ServiceAccount token as its credential', async () => {
    const authentication = assertion(await token())
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      authentication,
      { scope: 'read' },
      options(),
    )
    const { access_token, ...rest } = await oauth.processClientCredentialsResponse(server, client, answer)
    expect(rest).toEqual({ token_type: 'bearer', expires_in: 300, scope: 'read' })
    const { claims } = verifyTokenSync(access_token, {
      keys: () => issuingJwk,
      issuer: authority.issuer,
      audience: 'cluster.local',
      now,
    })
    expect(claims.sub).toBe(subject)
  })

  it('introspects the token as its audience, and as its owner revokes it', async () => {
    const owner = await StrictClient.of(authority, subject)
    const payments = await StrictClient.of(authority, 'spiffe://cluster.local/ns/shop/sa/payments')
    const asPayments = { authentication: assertion(await token({ bound: boundTo('shop', 'payments') })) }
    const { access_token: given } = await exchanged({ audience: 'payments', scope: 'read' })
    expect(await payments.introspect(given, asPayments)).toMatchObject({
      active: true,
      iss: authority.issuer,
      sub: subject,
      aud: 'payments',
      scope: 'read',
      token_type: 'Bearer',
    })
    await owner.revoke(given, { authentication: assertion(await token()) })
    expect(await payments.introspect(given, asPayments)).toEqual({ active: false })
  })

  it.each<[string, string, () => Promise<unknown>]>([
    ['an unknown grant', 'unsupported_grant_type', () => ask({}, 'password')],
    ['no subject token', 'invalid_request', () => ask({})],
    ['an actor token', 'invalid_request', () => exchanged({ actor_token: 'a.b.c', actor_token_type: jwt })],
    ['another type of subject token', 'invalid_request', () => exchanged({ subject_token_type: accessToken })],
    ['a resource that is none', 'invalid_target', () => exchanged({ resource: 'payments' })],
    ['two audiences', 'invalid_target', () => exchanged({ resource: 'https://a.example', audience: 'b' })],
    ['a scope that is not allowed', 'invalid_scope', () => exchanged({ scope: 'admin' })],
    ['a token for another audience', 'invalid_request', () => exchanged({}, { claims: { aud: ['https://other'] } })],
    [
      'a token of another cluster',
      'invalid_request',
      () => exchanged({}, { key: keys.ES256, claims: { iss: 'https://other' } }),
    ],
    ['a token of an unknown key', 'invalid_request', () => exchanged({}, { key: keys.ES256 })],
    ['an expired token', 'invalid_request', () => exchanged({}, { now: now - 2 * HOUR })],
    ['garbage', 'invalid_request', () => ask({ subject_token: 'garbage', subject_token_type: jwt })],
  ])('is refused for %s', async (_, error, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ code: oauth.RESPONSE_BODY_ERROR, error, status: 400 })
  })

  it('is told that the pod is gone, or that there is no identity', async () => {
    present.pod = false
    await expect(exchanged()).rejects.toMatchObject({ error: 'invalid_request' })
    expect(authority.reasons.at(-1)).toBe('ERR_TOKEN_BOUND_OBJECT')
    present.pod = true
    present.identity = false
    await expect(exchanged()).rejects.toMatchObject({ error: 'invalid_request' })
    expect(authority.reasons.at(-1)).toBe('no-identity')
  })

  it('I6: is told to come again where the cluster cannot be asked', async () => {
    present.reachable = false
    // To the client this is no answer of OAuth at all, neither yes nor no.
    const error: unknown = await exchanged().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: oauth.RESPONSE_IS_NOT_CONFORM })
    const { status, headers } = (error as oauth.OperationProcessingError).cause as Response
    expect([status, headers.get('retry-after')]).toEqual([503, '2'])
  })

  it.each<[string, () => Promise<oauth.ClientAuth>]>([
    ['no credential', async () => oauth.None()],
    ['a secret', async () => oauth.ClientSecretBasic('secret')],
    ['an assertion for another audience', async () => assertion(await token({ claims: { aud: ['https://other'] } }))],
    ['an assertion of another account', async () => assertion(await token({ bound: boundTo('shop', 'payments') }))],
  ])('is challenged for client credentials with %s', async (_, authentication) => {
    const answer = await oauth.clientCredentialsGrantRequest(server, client, await authentication(), {}, options())
    const error: unknown = await oauth.processClientCredentialsResponse(server, client, answer).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: oauth.WWW_AUTHENTICATE_CHALLENGE, status: 401 })
    expect((error as oauth.WWWAuthenticateChallengeError).cause).toMatchObject([
      { scheme: 'bearer', parameters: { realm: authority.issuer } },
    ])
  })
})
