import { gzipSync } from 'node:zlib'
import * as oauth from 'oauth4webapi'
import { type FormEndpointName, formEndpointNames } from '../../../src/authority/oauth/form-endpoint.ts'
import { grants, tokenTypeUris } from '../../../src/authority/oauth/parameters.ts'
import { HOUR, SECOND } from '../../../src/time/duration.ts'
import { accountToken, type AccountTokenOptions, boundTo } from '../../builders/account-token.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { makeToken } from '../../builders/token.ts'
import { type Which, world } from '../../builders/oauth-error-world.ts'
import { assertion, type Difference, type StrictClient } from '../../builders/strict-client.ts'

/** A ServiceAccount token for this authority. */
const proof = (client: StrictClient, { claims, ...different }: AccountTokenOptions = {}) =>
  accountToken({ ...different, claims: { aud: [client.authority.issuer], ...claims } })
const proved = async (client: StrictClient, different?: AccountTokenOptions) =>
  assertion(await proof(client, different))

/** A live token of `orders`, or of whatever its claims say. */
const live = (client: StrictClient, claims: Record<string, unknown> = {}) => {
  const iat = Math.floor(Date.now() / SECOND)
  return makeToken({ claims: { iss: client.authority.issuer, iat, nbf: iat, exp: iat + 600, ...claims } })
}

/** A request to each endpoint that is answered 200, but for what differs. */
export const good: Readonly<Record<FormEndpointName, (client: StrictClient, how?: Difference) => Promise<unknown>>> = {
  token: async (client, how) => exchange(client, {}, how),
  introspect: async (client, how) =>
    client.introspect(await live(client), { authentication: await proved(client), ...how }),
  revoke: async (client, how) => client.revoke(await live(client), { authentication: await proved(client), ...how }),
}

async function exchange(client: StrictClient, parameters: Record<string, string>, how?: Difference): Promise<string> {
  const asked = { subject_token: await proof(client), subject_token_type: tokenTypeUris.jwt, ...parameters }
  return client.token(grants.exchange, asked, how)
}

/** With a client's own credential, where the endpoint takes the other form of it as well. */
const authenticated: typeof good = {
  ...good,
  token: (client, how) => client.clientCredentials(how),
}

/** How one error is provoked. */
export interface Case {
  readonly title: string
  readonly at?: Which
  readonly attempt: (client: StrictClient) => Promise<unknown>
}
type Cases = Readonly<Record<string, readonly Case[]>>

const withBody = (change: (body: string) => string): Difference => ({
  alter: ({ body = '', ...rest }) => ({ ...rest, body: change(body) }),
})
const withHeaders = (more: Record<string, string>): Difference => ({
  alter: ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, ...more } }),
})
const withMethod = (method: string): Difference => ({
  alter: ({ headers, body }) => ({ method, headers, body: method === 'GET' ? undefined : body }),
})
const bearer =
  (text: string): oauth.ClientAuth =>
  (_server, _client, _body, headers) =>
    headers.set('authorization', `Bearer ${text}`)

/** What all three endpoints refuse. */
function commonCases(name: FormEndpointName): Cases {
  const ask = good[name]
  const askAs = (authentication: (client: StrictClient) => Promise<oauth.ClientAuth>) => async (client: StrictClient) =>
    authenticated[name](client, { authentication: await authentication(client) })
  const form = 'application/x-www-form-urlencoded'
  return {
    '400 invalid_request': [
      {
        title: 'a parameter twice',
        attempt: (client) =>
          ask(
            client,
            withBody((body) => `${body}&a=1&a=2`),
          ),
      },
      {
        title: 'text that is no UTF-8',
        attempt: (client) =>
          ask(
            client,
            withBody((body) => `${body}&a=%ff`),
          ),
      },
      {
        title: 'a name that is missing',
        attempt: (client) =>
          ask(
            client,
            withBody((body) => `${body}&=1`),
          ),
      },
      {
        title: 'more parameters than it reads',
        attempt: (client) =>
          ask(
            client,
            withBody((body) => `${body}${Array.from({ length: 33 }, (_, n) => `&p${n}=1`).join('')}`),
          ),
      },
      {
        title: 'an assertion and a header',
        attempt: async (client) => {
          const text = await proof(client)
          const both: oauth.ClientAuth = (server, who, body, headers) => {
            void assertion(text)(server, who, body, headers)
            void bearer(text)(server, who, body, headers)
          }
          return ask(client, { authentication: both })
        },
      },
      {
        title: 'an assertion of another type',
        attempt: async (client) => {
          const text = await proof(client)
          const other: oauth.ClientAuth = (_server, _client, body) => {
            body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer')
            body.set('client_assertion', text)
          }
          return ask(client, { authentication: other })
        },
      },
    ],
    '401 invalid_client': [
      { title: 'no credential', attempt: askAs(async () => oauth.None()) },
      { title: 'a secret', attempt: askAs(async () => oauth.ClientSecretBasic('secret')) },
      {
        title: 'a proof for another audience',
        attempt: askAs((client) => proved(client, { claims: { aud: ['https://other.example'] } })),
      },
      { title: 'a proof that has expired', attempt: askAs((client) => proved(client, { now: Date.now() - 2 * HOUR })) },
      { title: 'a proof by an unknown key', attempt: askAs((client) => proved(client, { key: keys.ES256 })) },
      {
        title: 'a proof of a pod that is gone',
        attempt: askAs((client) => {
          world.pod = false
          return proved(client)
        }),
      },
      {
        title: 'a proof without an identity',
        attempt: askAs((client) => {
          world.identity = false
          return proved(client)
        }),
      },
    ],
    '405 invalid_request': [
      { title: 'GET', attempt: (client) => ask(client, withMethod('GET')) },
      { title: 'PUT', attempt: (client) => ask(client, withMethod('PUT')) },
    ],
    '413 invalid_request': [
      {
        title: 'a body too long',
        attempt: (client) =>
          ask(
            client,
            withBody((body) => body + '&'.repeat(16_385)),
          ),
      },
    ],
    '415 invalid_request': [
      { title: 'JSON', attempt: (client) => ask(client, withHeaders({ 'content-type': 'application/json' })) },
      {
        title: 'another charset',
        attempt: (client) => ask(client, withHeaders({ 'content-type': `${form};charset=latin1` })),
      },
      {
        title: 'a compressed body',
        attempt: (client) =>
          ask(client, {
            alter: ({ method, headers, body = '' }) => ({
              method,
              headers: { ...headers, 'content-encoding': 'gzip' },
              body: gzipSync(body).toString('latin1'),
            }),
          }),
      },
    ],
    '429 temporarily_unavailable': (['strictWithCallers', 'strictWithAddresses'] as const).map((at) => ({
      title: at === 'strictWithCallers' ? 'more than a caller may ask' : 'more than an address may ask',
      at,
      attempt: async (client) => {
        // This may be the one that it may ask.
        await ask(client).catch(() => undefined)
        return ask(client)
      },
    })),
    '503 temporarily_unavailable': [
      { title: 'too much to do', at: 'overloaded', attempt: (client) => ask(client) },
      {
        title: 'a cluster that cannot be asked who asks',
        attempt: (client) => {
          world.reachable = false
          return ask(client)
        },
      },
      {
        title: name === 'token' ? 'no key to sign with' : 'keys that have not been read',
        attempt: (client) => {
          world.read = false
          return ask(client)
        },
      },
    ],
  }
}

/** What one endpoint alone refuses, or in a way of its own. */
const ownCases: Readonly<Record<FormEndpointName, Cases>> = {
  token: {
    '400 invalid_request': [
      { title: 'no subject token', attempt: (client) => client.token(grants.exchange, {}) },
      { title: 'garbage for a subject token', attempt: (client) => exchange(client, { subject_token: 'garbage' }) },
      { title: 'an actor token', attempt: (client) => exchange(client, { actor_token: 'a.b.c' }) },
    ],
    '400 invalid_scope': [
      { title: 'a scope that is not allowed', attempt: (client) => exchange(client, { scope: 'admin' }) },
    ],
    '400 invalid_target': [
      { title: 'a resource that is none', attempt: (client) => exchange(client, { resource: 'payments' }) },
      {
        title: 'two audiences',
        attempt: (client) => exchange(client, { resource: 'https://a.example', audience: 'b' }),
      },
    ],
    '400 unsupported_grant_type': [{ title: 'another grant', attempt: (client) => client.token('password', {}) }],
    '401 invalid_client': [
      {
        title: "another account's assertion",
        attempt: async (client) =>
          client.clientCredentials({ authentication: await proved(client, { bound: boundTo('shop', 'payments') }) }),
      },
    ],
  },
  introspect: {
    '400 invalid_request': [
      {
        title: 'no token',
        attempt: (client) =>
          good.introspect(
            client,
            withBody((body) => body.replace(/token=[^&]*/, 'other=1')),
          ),
      },
    ],
    '401 invalid_client': [
      {
        title: "a token of the authority's for another audience as its proof",
        attempt: async (client) =>
          client.introspect('a.b.c', { authentication: bearer(await exchange(client, { audience: 'payments' })) }),
      },
    ],
  },
  revoke: {
    '400 invalid_request': [
      {
        title: 'no token',
        attempt: (client) =>
          good.revoke(
            client,
            withBody((body) => body.replace(/token=[^&]*/, 'other=1')),
          ),
      },
    ],
    '400 unauthorized_client': [
      {
        title: "another identity's token, be it good or bad",
        attempt: async (client) =>
          client.revoke(await live(client, { sub: 'spiffe://cluster.local/ns/shop/sa/payments' }), {
            authentication: await proved(client),
          }),
      },
      {
        title: "one's own token by another identity",
        attempt: async (client) =>
          // The client sends its own `client_id` with it, which revocation does not need.
          client.revoke(await live(client), {
            authentication: bearer(await proof(client, { bound: boundTo('shop', 'payments') })),
          }),
      },
    ],
    '503 temporarily_unavailable': [
      {
        title: 'a revocation that cannot be stored',
        attempt: (client) => {
          world.stores = false
          return good.revoke(client)
        },
      },
    ],
  },
}

/** Every case, by path, status and error, as in `/revoke 400 unauthorized_client`. */
export function everyCase(): ReadonlyMap<string, readonly Case[]> {
  const cases = new Map<string, Case[]>()
  for (const name of formEndpointNames) {
    for (const some of [commonCases(name), ownCases[name]]) {
      for (const [answer, list] of Object.entries(some)) {
        const key = `/${name} ${answer}`
        cases.set(key, [...(cases.get(key) ?? []), ...list])
      }
    }
  }
  return cases
}
