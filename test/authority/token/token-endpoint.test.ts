import { Socket } from 'node:net'
import { beforeEach, describe, expect, it } from 'vitest'
import { jwtBearerAssertion } from '../../../src/authority/oauth/parameters.ts'
import type { Caller, PresentedCredentials } from '../../../src/authority/callers/caller.ts'
import { OAuthError } from '../../../src/authority/oauth/oauth-error.ts'
import { tokenEndpoint } from '../../../src/authority/token/token-endpoint.ts'
import type { IssuanceRequest } from '../../../src/authority/token/token-issuer.ts'

const orders = 'spiffe://cluster.local/ns/shop/sa/orders'
/** Of the namespace `shop`, or of that before a slash. */
function callerOf(text: string): Caller {
  const [name = '', namespace = 'shop'] = text.split('/').reverse()
  return {
    identity: { namespace, name },
    subject: `spiffe://cluster.local/ns/${namespace}/sa/${name}`,
    credential: 'service-account-token',
    expiresAt: 0,
  }
}
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'
const exchange = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'orders',
  subject_token_type: jwt,
}
const credentials = {
  grant_type: 'client_credentials',
  client_assertion: 'orders',
  client_assertion_type: jwtBearerAssertion,
}

let granted: IssuanceRequest[]
let presented: PresentedCredentials[]
/** How many requests counted against a rate. */
let counted: number
let issued: [string, boolean][]
let failure: OAuthError | undefined

beforeEach(() => {
  granted = []
  presented = []
  counted = 0
  issued = []
  failure = undefined
})

/** A token is the name of whom it proves. */
async function identify(credentials: PresentedCredentials): Promise<Caller> {
  presented.push(credentials)
  if (failure !== undefined) throw failure
  const name = credentials.clientAssertion ?? credentials.authorization?.replace('Bearer ', '') ?? ''
  if (name === 'nobody') throw new OAuthError('invalid_client', 'no proof', { reason: 'why' })
  const caller = callerOf(name)
  return name === 'foreigner' ? { ...caller, subject: 'spiffe://other/ns/shop/sa/foreigner' } : caller
}

const endpoint = tokenEndpoint({
  authenticator: {
    identify,
    authenticate: (credentials) => {
      counted += 1
      return identify(credentials)
    },
  },
  issuer: {
    issue: async (one) => {
      granted.push(one)
      return { token: 'a.b.c', expiresIn: 300, reused: false }
    },
  },
  trustDomain: 'cluster.local',
  allowedScopes: new Set(['read']),
  onIssued: (...one) => issued.push(one),
})

async function ask(form: Record<string, string>, authorization?: string) {
  const request = { form: new Map(Object.entries(form)), authorization, connection: new Socket() }
  const { status, body } = await endpoint({ ...request, signal: new AbortController().signal })
  return { status, ...(JSON.parse(body) as Record<string, unknown>) }
}

it.each([
  ['an exchange', exchange],
  ['one whose client authenticates as well', { ...exchange, ...credentials, grant_type: exchange.grant_type }],
  ['client credentials', credentials],
])('counts %s once', async (_, form) => {
  expect(await ask(form)).toMatchObject({ status: 200 })
  expect(counted).toBe(1)
})

describe('an exchange', () => {
  it('gives an access token (RFC 8693 §2.2.1) for the trust domain where no audience is said', async () => {
    expect(await ask(exchange)).toEqual({
      status: 200,
      access_token: 'a.b.c',
      issued_token_type: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
    })
    expect(granted).toEqual([
      { caller: callerOf('orders'), profile: 'AccessToken', audience: 'cluster.local', scope: '' },
    ])
    expect(presented).toEqual([{ clientAssertionType: jwtBearerAssertion, clientAssertion: 'orders' }])
    expect(issued).toEqual([['exchange', false]])
  })

  it('gives a JWT-SVID, which is no access token', async () => {
    const answer = await ask({ ...exchange, requested_token_type: jwt, audience: 'payments' })
    expect(answer).toMatchObject({ issued_token_type: jwt, token_type: 'N_A' })
    expect(granted).toMatchObject([{ profile: 'JWT-SVID', audience: 'payments' }])
  })

  it('gives scopes that are allowed, says which, and refuses others', async () => {
    expect(await ask({ ...exchange, scope: 'read' })).toMatchObject({ scope: 'read' })
    await expect(ask({ ...exchange, scope: 'read admin' })).rejects.toMatchObject({ error: 'invalid_scope' })
    expect(granted).toMatchObject([{ scope: 'read' }])
  })

  it('gives nothing to whom policy gives no token for that audience', async () => {
    const answer = ask({ ...exchange, subject_token: 'foreigner' })
    await expect(answer).rejects.toMatchObject({ error: 'invalid_target', reason: 'policy' })
    expect(granted).toEqual([])
  })

  it('is an invalid request where the subject token is not accepted (RFC 8693 §2.2.2)', async () => {
    const answer = ask({ ...exchange, subject_token: 'nobody' })
    await expect(answer).rejects.toMatchObject({ error: 'invalid_request', status: 400, reason: 'why' })
  })

  it('I6: is neither allowed nor denied where that cannot be told', async () => {
    failure = new OAuthError('temporarily_unavailable', 'not now', { retryAfter: 2 })
    await expect(ask(exchange)).rejects.toBe(failure)
    expect(granted).toEqual([])
  })

  it('takes a client_id that is the subject, and no other', async () => {
    expect(await ask({ ...exchange, client_id: orders })).toMatchObject({ status: 200 })
    await expect(ask({ ...exchange, client_id: 'orders' })).rejects.toMatchObject({ error: 'invalid_client' })
  })

  it('refuses a client that presents the token of another identity', async () => {
    expect(await ask(exchange, 'Bearer orders')).toMatchObject({ status: 200 })
    await expect(ask(exchange, 'Bearer payments')).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(ask(exchange, 'Bearer billing/orders')).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(ask(exchange, 'Bearer nobody')).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(
      ask({ ...exchange, ...credentials, grant_type: exchange.grant_type, client_assertion: 'payments' }),
    ).rejects.toMatchObject({ error: 'invalid_client' })
    expect(granted).toHaveLength(1)
  })
})

describe('client credentials', () => {
  it('give an access token (RFC 6749 §4.4.3)', async () => {
    expect(await ask({ ...credentials, audience: 'payments' })).toEqual({
      status: 200,
      access_token: 'a.b.c',
      token_type: 'Bearer',
      expires_in: 300,
    })
    expect(granted).toMatchObject([{ caller: callerOf('orders'), audience: 'payments' }])
    expect(issued).toEqual([['clientCredentials', false]])
  })

  it('are refused where the assertion is not accepted (RFC 7521 §4.2.1)', async () => {
    const answer = ask({ ...credentials, client_assertion: 'nobody' })
    await expect(answer).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
  })
})
