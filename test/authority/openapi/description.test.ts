import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serveAuthority, type ServedAuthority } from '../../builders/served-authority.ts'
import { describeApi } from '../../../src/authority/openapi/description.ts'
import { formEndpointNames } from '../../../src/authority/oauth/form-endpoint.ts'
import { algorithms } from '../../../src/keys/algorithm.ts'
import { eventually } from '../../builders/eventually.ts'
import { ask, type CallOptions, DescribedApi, describedApiAt } from '../../conformance/described-api.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { type RunningServer, startServer } from '../../builders/running-server.ts'
import { FakeSource, keysOf } from '../../fakes/public-key-source.ts'

const issuer = { issuer: 'https://issuer.example/signet', path: '/signet' }
const everything = new DescribedApi(describeApi(issuer, { forms: formEndpointNames, revocations: true }))
const nothingMore = new DescribedApi(describeApi(issuer, { forms: [], revocations: false }))

describe('the description of the API', () => {
  it('leads somewhere with every reference', () => {
    expect(everything.references().length).toBeGreaterThan(50)
    for (const $ref of [...everything.references(), ...nothingMore.references()]) {
      expect(() => everything.resolve({ $ref })).not.toThrow()
    }
  })

  it('names what is served, and nothing else', () => {
    const paths = Object.keys(everything.paths)
    for (const name of [...formEndpointNames, 'revocations']) {
      expect(paths).toContain(`/signet/${name}`)
      expect(Object.keys(nothingMore.paths).filter((path) => path.includes(name))).toEqual([])
    }
    expect(paths.filter((path) => !path.startsWith('/signet/'))).toEqual([
      '/.well-known/oauth-authorization-server/signet',
      '/.well-known/oauth-authorization-server/signet/ns/{namespace}',
      '/.well-known/oauth-authorization-server/signet/ns/{namespace}/sa/{name}',
    ])
  })

  const answer = {
    method: 'POST',
    path: '/signet/token',
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  }

  it.each([
    ['a token', 200, { access_token: 'e.e.e', token_type: 'Bearer', expires_in: 300 }, {}],
    ['a refusal', 400, { error: 'invalid_target', error_description: 'name one audience' }, {}],
    ['a refusal without words', 413, { error: 'invalid_request' }, {}],
    ['a caller who is not known', 401, { error: 'invalid_client' }, { 'www-authenticate': 'Bearer realm="x"' }],
    ['too many requests', 429, { error: 'temporarily_unavailable' }, { 'retry-after': '1' }],
    ['an answer that must wait', 503, { error: 'temporarily_unavailable' }, { 'retry-after': '1' }],
  ])('holds for %s', (_title, status, body, headers) => {
    const given = { ...answer, status, headers: { ...answer.headers, ...headers }, body: JSON.stringify(body) }
    expect(everything.problems(given)).toEqual([])
  })

  it.each([
    ['a failure', 500, { error: 'server_error' }, {}, 'is not described'],
    [
      'an answer to wait for without a time',
      503,
      { error: 'temporarily_unavailable' },
      {},
      'header Retry-After is missing',
    ],
    ['a 401 that does not say how', 401, { error: 'invalid_client' }, {}, 'header WWW-Authenticate is missing'],
    ['an error of its own', 400, { error: 'broken' }, {}, 'must be equal to one of the allowed values'],
    ['a member of its own', 400, { error: 'invalid_request', stack: 'x' }, {}, 'must NOT have additional properties'],
    [
      'a token beyond an hour',
      200,
      { access_token: 'e.e.e', token_type: 'Bearer', expires_in: 3601 },
      {},
      'must be <= 3600',
    ],
    [
      'an answer that may be kept',
      400,
      { error: 'invalid_request' },
      { 'cache-control': 'public' },
      'header Cache-Control',
    ],
    [
      'an answer of another type',
      400,
      { error: 'invalid_request' },
      { 'content-type': 'text/html' },
      'content type text/html',
    ],
  ])('does not hold for %s', (_title, status, body, headers, problem) => {
    const given = { ...answer, status, headers: { ...answer.headers, ...headers }, body: JSON.stringify(body) }
    expect(everything.problems(given).join('\n')).toContain(problem)
  })

  it('takes an introspection for inactive with nothing else, or for active with everything', () => {
    const problems = (body: object) =>
      everything.problems({ ...answer, path: '/signet/introspect', status: 200, body: JSON.stringify(body) })
    const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
    const claims = { iss: 'https://x', sub, aud: 'payments', exp: 2, iat: 1, jti: 'j' }
    expect(problems({ active: false })).toEqual([])
    expect(problems({ active: true, ...claims })).toEqual([])
    expect(problems({ active: false, sub })).not.toEqual([])
    expect(problems({ active: true })).not.toEqual([])
  })
})

describe('a running authority', () => {
  const orders = keysOf('shop/orders', ...algorithms.map((algorithm) => keys[algorithm].publicJwk))
  let server: RunningServer
  let authority: ServedAuthority
  let source: FakeSource
  let api: DescribedApi
  let origin: string

  beforeAll(async () => {
    server = await startServer({ handler: (...both) => authority.handler(...both) })
    origin = `https://127.0.0.1:${server.port}`
  })
  afterAll(() => server.stop())

  // One that has no keys yet, whatever the test before has left.
  beforeEach(async () => {
    source = new FakeSource()
    authority = serveAuthority({ ...issuer, source })
    api = await eventually(() => describedApiAt(origin, issuer.path))
  })
  afterEach(() => authority.close())

  const hasKeys = async () => {
    source.set([orders])
    await eventually(() => expect(authority.notReady()).toBeUndefined())
  }

  const filled = (template: string) => template.replace('{namespace}', 'shop').replace('{name}', 'orders')
  const judged = async (path: string, options?: CallOptions) => {
    const answer = await ask(origin, path, options)
    expect(api.problems(answer)).toEqual([])
    return answer
  }

  it('describes itself before it has any keys, and keeps to that: every path, every method', async () => {
    const paths = Object.keys(api.paths).map(filled)
    expect(paths.length).toBeGreaterThan(10)
    for (const path of paths) {
      const { status } = await judged(path)
      expect([path, status]).toEqual([path, path.endsWith('/openapi.json') ? 200 : 503])
      expect((await judged(path, { method: 'DELETE' })).status).toBe(405)
    }
    await hasKeys()
    for (const path of paths) {
      const { status, headers } = await judged(path)
      expect([path, status]).toEqual([path, 200])
      expect((await judged(`${path}?query`, { method: 'HEAD' })).status).toBe(200)
      const again = await judged(path, { headers: { 'if-none-match': String(headers.etag) } })
      expect(again.status).toBe(304)
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
        expect((await judged(path, { method, ...(method === 'POST' ? { body: 'a=b' } : {}) })).status).toBe(405)
      }
    }
  })

  it.each([
    '/signet/ns/none/jwks.json',
    '/signet/ns/shop/sa/none/jwks.json',
    '/signet/ns/%73hop/jwks.json',
    '/signet/ns/-/jwks.json',
  ])('has nothing at %s, as described', async (path) => {
    await hasKeys()
    expect((await judged(path)).status).toBe(404)
  })

  it.each([
    '/',
    '/jwks.json',
    '/signet',
    '/signet/',
    '/signet/token',
    '/signet//jwks.json',
    '/signet/../signet/jwks.json',
  ])('has nothing at %s, which is not described', async (path) => {
    expect((await judged(path)).status).toBe(404)
    expect((await judged(path, { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(404)
  })
})
