import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { Agent, fetch, request } from 'undici'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serveAuthority, type ServedAuthority } from '../builders/served-authority.ts'
import { createCertificateAuthority, issueServingCertificate } from '../../src/certificates/issue.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { serializeJwks } from '../../src/keys/jwks.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { buildClaims } from '../../src/tokens/claims.ts'
import { mintToken, newTokenID } from '../../src/tokens/mint.ts'
import { keys } from '../fixtures/keys/keys.ts'
import type { IdentityKeys } from '../../src/keys/identity-keys.ts'
import { RevocationDocuments } from '../../src/authority/revocation/revocation-documents.ts'
import { eventually } from '../builders/eventually.ts'
import { ending } from '../builders/running-server.ts'
import { FakeRevocations } from '../fakes/revocations.ts'
import { FakeSource, keysOf } from '../fakes/public-key-source.ts'

const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const orders = keysOf('shop/orders', ...algorithms.map((algorithm) => keys[algorithm].publicJwk))
const bound = orders.keys
const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'
const documents = [openid, oauth, '/jwks.json', '/bundle.json']
const scopes = ['', '/ns/shop', '/ns/shop/sa/orders']
const sets = scopes.map((scope) => `${scope}/jwks.json`)

let server: Server
let agent: Agent
let issuer: string
let roots: string
let source: FakeSource
let authority: ServedAuthority
const answers: [string, number][] = []

beforeAll(async () => {
  const now = Date.now()
  const validity = { notBefore: now - HOUR, notAfter: now + DAY }
  const ca = await createCertificateAuthority({ commonName: 'test', trustDomain: 'cluster.local', ...validity })
  const { certificatePem, privateKeyPem } = await issueServingCertificate({
    ca,
    dnsNames: ['localhost'],
    ...validity,
  })
  roots = ca.certificatePem
  server = createServer({ cert: certificatePem, key: privateKeyPem }, (req, res) => authority.handler(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  agent = new Agent({
    connect: {
      ca: roots,
      lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  })
})
afterAll(async () => {
  await agent.close()
  server.close()
})

beforeEach(() => {
  source = new FakeSource()
  answers.length = 0
  revocations.setReady(true)
  revocations.set()
  authority = serveAuthority({
    issuer,
    source,
    revocations: new RevocationDocuments({ issuer, revocations }),
    onAnswer: (...answer) => answers.push(answer),
  })
  return () => authority.close()
})

const revocations = new FakeRevocations()

async function publish(...identities: readonly IdentityKeys[]): Promise<void> {
  source.set(identities.length === 0 ? [orders] : identities)
  await eventually(() => expect(authority.notReady()).toBeUndefined())
}

async function send(path: string, { method = 'GET', headers = {} } = {}) {
  // The path is sent verbatim; a URL would be normalised.
  const response = await agent.request({ origin: issuer, path, method: method, headers })
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.from(await response.body.arrayBuffer()),
  }
}

describe('before the keys are there', () => {
  it.each([...documents, ...sets])('answers 503 at %s and says when to come back', async (path) => {
    const { status, headers, body } = await send(path)
    expect({ status, retry: headers['retry-after'], cache: headers['cache-control'] }).toEqual({
      status: 503,
      retry: '2',
      cache: 'no-store',
    })
    expect(body).toHaveLength(0)
    expect(authority.notReady()).toBe('public keys have not been read yet')
  })
})

describe('the JWK Set', () => {
  it('lets jose verify a token of every algorithm, found by the issuer alone', async () => {
    await publish()
    const discovery = (await (await fetch(issuer + openid, { dispatcher: agent })).json()) as Record<string, string>
    expect(discovery.issuer).toBe(issuer)
    const jwks = createRemoteJWKSet(new URL(discovery.jwks_uri ?? ''), {
      [customFetch]: async (url: string, options: object) => {
        const { status, body } = await fetch(url, { ...options, dispatcher: agent })
        return new Response(body as ReadableStream | null, { status })
      },
    })
    for (const algorithm of algorithms) {
      const { keyID, publicJwk, privateJwk } = keys[algorithm]
      const claims = buildClaims({
        issuer,
        subject,
        audience: 'payments',
        issuedAt: Date.now(),
        lifetimeMs: HOUR,
        tokenID: newTokenID(),
        profile: 'JWT-SVID',
      })
      const { token } = await mintToken({
        signer: createSigner({ keyID, algorithm, privateJwk }),
        claims,
        profile: 'JWT-SVID',
        publicJwk,
      })
      await expect(jwtVerify(token, jwks, { issuer, audience: 'payments' })).resolves.toMatchObject({ payload: claims })
    }
    expect(answers.filter(([endpoint]) => endpoint === 'jwks')).toEqual([['jwks', 200]])
  })

  it('I1: carries each key with its kid, algorithm and subject', async () => {
    await publish()
    const { body } = await send('/jwks.json')
    expect(body.toString()).toBe(serializeJwks(bound))
    const { keys: published } = JSON.parse(body.toString()) as { keys: Record<string, unknown>[] }
    expect(published).toHaveLength(5)
    for (const key of published)
      expect(key).toMatchObject({
        kid: expect.any(String) as string,
        alg: expect.any(String) as string,
        use: 'sig',
        sub: subject,
      })
  })

  it('I5: is without a revoked key soon after, in every scope', async () => {
    await publish()
    source.set([{ ...orders, keys: bound.slice(1) }])
    for (const path of sets) {
      await eventually(async () => expect((await send(path)).body.toString()).toBe(serializeJwks(bound.slice(1))))
    }
  })
})

describe('each scope', () => {
  const billing = keysOf('billing/ledger', keys.ES256.publicJwk)
  beforeEach(() => publish({ ...orders, keys: bound.slice(1) }, billing))

  it.each(scopes)('"%s" names the URL that it is asked by as its issuer, in both documents', async (scope) => {
    const url = `${issuer}${scope}`
    for (const path of [`${scope}${openid}`, `${oauth}${scope}`, `${scope}${oauth}`]) {
      const { status, body } = await send(path)
      expect({ status, ...(JSON.parse(body.toString()) as object) }).toMatchObject({
        status: 200,
        issuer: url,
        jwks_uri: `${url}/jwks.json`,
      })
    }
  })

  it('I8: has the keys of its own identities and no others', async () => {
    const keysAt = async (scope: string) => (await send(`${scope}/jwks.json`)).body.toString()
    expect(await keysAt('/ns/billing')).toBe(serializeJwks(billing.keys))
    expect(await keysAt('/ns/billing/sa/ledger')).toBe(serializeJwks(billing.keys))
    expect(await keysAt('/ns/shop')).toBe(serializeJwks(bound.slice(1)))
    expect(await keysAt('')).toBe(serializeJwks([...bound.slice(1), ...billing.keys]))
  })

  it.each(['/ns/other', '/ns/shop/sa/ledger', '/ns/billing/sa/orders', '/ns/shop/sa/none'])(
    '"%s" is not found, since it has no keys',
    async (scope) => {
      for (const path of [`${scope}/jwks.json`, `${scope}${openid}`, `${scope}${oauth}`, `${oauth}${scope}`]) {
        const { status, headers } = await send(path)
        expect({ status, cache: headers['cache-control'] }).toEqual({ status: 404, cache: 'no-store' })
      }
    },
  )

  it('is not found any more once its last key is gone', async () => {
    source.set([billing])
    await eventually(async () => expect((await send('/ns/shop/jwks.json')).status).toBe(404))
    expect((await send(`/ns/shop/sa/orders${openid}`)).status).toBe(404)
    expect((await send('/ns/billing/jwks.json')).status).toBe(200)
  })
})

describe('the SPIFFE bundle', () => {
  it('has every key, as what may sign JWT-SVIDs, and a sequence that grows with each change', async () => {
    await publish()
    const bundle = async () => JSON.parse((await send('/bundle.json')).body.toString()) as Record<string, unknown>
    const first = await bundle()
    expect(first).toMatchObject({ spiffe_sequence: source.sequence, spiffe_refresh_hint: 300 })
    expect((first['keys'] as { use: string }[]).map(({ use }) => use)).toEqual(bound.map(() => 'jwt-svid'))
    source.set([{ ...orders, keys: bound.slice(1) }])
    await eventually(async () => expect((await bundle())['keys']).toHaveLength(bound.length - 1))
    expect((await bundle())['spiffe_sequence']).toBeGreaterThan(first['spiffe_sequence'] as number)
    expect(answers).toContainEqual(['trust-bundle', 200])
  })
})

describe('every document', () => {
  beforeEach(() => publish())

  it.each([...documents, ...sets])('%s is JSON that may be kept for five minutes', async (path) => {
    const { status, headers, body } = await send(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=300',
      'content-length': String(body.length),
      'x-content-type-options': 'nosniff',
      vary: 'Accept-Encoding',
    })
    expect(headers.etag).toMatch(/^"[A-Za-z0-9_-]{22}"$/)
    expect(JSON.parse(body.toString())).toBeTypeOf('object')
  })

  it.each([openid, oauth])('%s names the issuer and its keys', async (path) => {
    const { body } = await send(path)
    expect(JSON.parse(body.toString())).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks.json` })
  })

  it.each(['/bundle.json', ...sets])('%s is the same compressed, under a validator of its own', async (path) => {
    const plain = await send(path)
    const packed = await send(path, { headers: { 'accept-encoding': 'gzip' } })
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    expect(packed.body.length).toBeLessThan(plain.body.length)
    expect(gunzipSync(packed.body)).toEqual(plain.body)
    expect(packed.headers.etag).not.toBe(plain.headers.etag)
  })

  it.each([...documents, ...sets])('%s need not be sent again to whom has it', async (path) => {
    for (const encoding of ['identity', 'gzip']) {
      const { headers } = await send(path, { headers: { 'accept-encoding': encoding } })
      const etag = String(headers.etag)
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await send(path, { headers: { 'accept-encoding': encoding, 'if-none-match': known } })
        expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) })
        expect(again.headers).toMatchObject({ 'cache-control': 'public, max-age=300', vary: 'Accept-Encoding' })
        if (known !== '*') expect(again.headers.etag).toBe(etag)
      }
      const changed = await send(path, { headers: { 'if-none-match': '"other"' } })
      expect(changed.status).toBe(200)
    }
  })

  it('has a new validator when the keys have changed', async () => {
    const { headers } = await send('/jwks.json')
    source.set([{ ...orders, keys: bound.slice(1) }])
    await eventually(async () => {
      const { status } = await send('/jwks.json', { headers: { 'if-none-match': String(headers.etag) } })
      expect(status).toBe(200)
    })
    expect(
      (await send(openid, { headers: { 'if-none-match': String((await send(openid)).headers.etag) } })).status,
    ).toBe(304)
  })

  it.each(documents)('%s answers HEAD with the headers of GET', async (path) => {
    const [head, get] = await Promise.all([send(path, { method: 'HEAD' }), send(path)])
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    const hop = ['date', 'connection', 'keep-alive']
    const expected = Object.entries(get.headers).filter(([name]) => !hop.includes(name))
    expect(head.headers).toMatchObject(Object.fromEntries(expected))
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('refuses %s', async (method) => {
    const { status, headers } = await send('/jwks.json', { method })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' })
  })

  it('is found with a query, which means nothing', async () => {
    expect((await send('/jwks.json?a=b')).status).toBe(200)
  })

  it('is sent uncompressed if compression gains nothing', async () => {
    const { headers } = await send(openid, { headers: { 'accept-encoding': 'gzip' } })
    expect(headers).not.toHaveProperty('content-encoding')
  })

  it.each([
    '/',
    '/jwks',
    '/jwks.json/',
    '//jwks.json',
    '/JWKS.json',
    '/%6awks.json',
    '/../jwks.json',
    '/.well-known/',
    '/token',
    '/__proto__',
  ])('is not found at %s', async (path) => {
    expect((await send(path)).status).toBe(404)
    expect(answers).toContainEqual(['none', 404])
  })

  it('is found by its whole URL, too (RFC 9112 §3.2.2)', async () => {
    const { port } = new URL(issuer)
    const socket = connect({ port: Number(port), host: '127.0.0.1', servername: 'localhost', ca: roots })
    await once(socket, 'secureConnect')
    const rest = 'HTTP/1.1\r\nhost: localhost\r\n'
    socket.write(`GET HTTPS://localhost:${port}/jwks.json?a=/b ${rest}\r\n`)
    socket.write(`GET https://localhost:${port}//jwks.json ${rest}\r\n`)
    socket.write(`GET https://localhost:${port} ${rest}connection: close\r\n\r\n`)
    const { received } = await ending(socket)
    expect(received.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 404'])
  })

  it('ends the connection of a request that brings a body', async () => {
    const response = await request(`${issuer}/jwks.json`, { dispatcher: agent, method: 'POST', body: 'x'.repeat(1000) })
    expect({ status: response.statusCode, connection: response.headers.connection }).toEqual({
      status: 405,
      connection: 'close',
    })
    await response.body.dump()
  })

  it.each([
    ['/jwks.json', 405],
    ['/revocations', 405],
    ['/nothing', 404],
  ])('answers who reads nothing before a long body to %s is sent', async (path, status) => {
    const { port } = new URL(issuer)
    const socket = connect({ port: Number(port), host: '127.0.0.1', servername: 'localhost', ca: roots })
    await once(socket, 'secureConnect')
    socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${4 * 1024 * 1024}\r\n\r\n`)
    socket.write(Buffer.alloc(4 * 1024 * 1024))
    const { received, error } = await ending(socket)
    expect(error).toBeUndefined()
    expect(received.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
  })
})

describe('the list of revocations', () => {
  const one = { sub: subject, jti: 't', exp: Math.ceil(Date.now() / 1000) + 3600 }

  it.each(scopes)('is served at %s/revocations, for a few seconds, whether there are keys or not', async (scope) => {
    revocations.set(one)
    const { status, headers, body } = await send(`${scope}/revocations`)
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'public, max-age=5' })
    expect(JSON.parse(body.toString())).toEqual({ issuer: `${issuer}${scope}`, revocations: [one] })
    expect(answers).toEqual([['revocations', 200]])
  })

  it('is confirmed where the client has it, and compressed where it is long', async () => {
    revocations.set(...Array.from({ length: 100 }, (_, index) => ({ ...one, jti: `t${index}` })))
    const { headers, body } = await send('/revocations', { headers: { 'accept-encoding': 'gzip' } })
    expect(headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(body).toString()).toContain('"t99"')
    const again = await send('/revocations', { headers: { 'if-none-match': String(headers.etag) } })
    expect(again).toMatchObject({ status: 304, headers: { 'cache-control': 'public, max-age=5' } })
    expect(again.body).toHaveLength(0)
  })

  it('I6: is 503 until all have been read, never an empty list', async () => {
    revocations.setReady(false)
    const { status, headers, body } = await send('/revocations')
    expect(status).toBe(503)
    expect(headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' })
    expect(body).toHaveLength(0)
  })

  it('takes GET and HEAD only, and is nowhere else', async () => {
    expect((await send('/revocations', { method: 'HEAD' })).status).toBe(200)
    expect(await send('/revocations', { method: 'DELETE' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
    await publish()
    for (const path of ['/ns/shop/revocations/', '/ns/Shop/revocations', '/ns/shop/sa/revocations', '/x/revocations']) {
      expect((await send(path)).status).toBe(404)
    }
  })
})
