import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { TokenError } from '../../../src/tokens/token-error.ts'
import type { VerifiedToken } from '../../../src/tokens/verify.ts'
import { authenticate, callerOf, withCaller } from '../../../src/verifier/middleware/authenticate.ts'
import type { Refusal } from '../../../src/verifier/middleware/authenticate-request.ts'
import type { Verifier } from '../../../src/verifier/verification/verifier.ts'
import { VerifierUnavailableError } from '../../../src/verifier/sources/verifier-unavailable-error.ts'

const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const verified: VerifiedToken = {
  header: { alg: 'ES256', kid: 'key' },
  keyID: 'key',
  claims: { iss: 'https://issuer.example', sub: subject, aud: 'payments', iat: 1, exp: 301, jti: 'one', team: 'x' },
}

/** Knows three tokens by name; everything else is bad. */
const verifier: Verifier = {
  verify: async (token) => {
    if (token === 'good') return verified
    if (token === 'later') throw new VerifierUnavailableError('keys have not been loaded yet', { retryAfter: 7 })
    if (token === 'defect') throw new RangeError('out of range')
    throw new TokenError('ERR_TOKEN_SIGNATURE', 'signature does not verify with key key')
  },
  cached: (token) => (token === 'known' ? verified : undefined),
  ready: async () => undefined,
  notReady: () => undefined,
  health: () => ({ keys: { count: 1, ageMs: 0, problem: undefined }, revocations: undefined, cached: 0 }),
  close: () => undefined,
}

let server: Server | undefined
afterEach(() => new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve))))

async function serve(listener: RequestListener): Promise<(headers?: Record<string, string>) => Promise<Response>> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const { port } = started.address() as AddressInfo
  return (headers = {}) => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close', ...headers } })
}

const answer = withCaller(verifier, (_, response, caller) => response.end(JSON.stringify(caller)))

describe('a request', () => {
  it.each(['good', 'known'])('with a good token has its caller', async (token) => {
    const call = await serve(answer)
    const response = await call({ authorization: `Bearer ${token}` })
    expect(await response.json()).toEqual({
      subject,
      identity: { trustDomain: 'cluster.local', namespace: 'shop', name: 'orders' },
      tokenID: 'one',
      keyID: 'key',
      claims: verified.claims,
      expiresAt: 301_000,
    })
  })

  it.each(['bearer good', 'BEARER good', 'Bearer  good', 'Bearer good '])('may say %s', async (authorization) => {
    expect((await (await serve(answer))({ authorization })).status).toBe(200)
  })

  it.each([
    ['Bearer bad', 'ERR_TOKEN_SIGNATURE', 'Bearer error="invalid_token"'],
    ['Bearer good good', 'ERR_TOKEN_SIGNATURE', 'Bearer error="invalid_token"'],
    ['Bearer good, Bearer good', 'ERR_TOKEN_SIGNATURE', 'Bearer error="invalid_token"'],
    ['Bearer', 'ERR_TOKEN_MISSING', 'Bearer'],
    ['Bearer ', 'ERR_TOKEN_MISSING', 'Bearer'],
    ['bearer good good', 'ERR_TOKEN_MISSING', 'Bearer'],
    ['Basic Z29vZA==', 'ERR_TOKEN_MISSING', 'Bearer'],
    ['good', 'ERR_TOKEN_MISSING', 'Bearer'],
  ])('that says %s is refused, and why is for the log: %s', async (authorization, code, challenge) => {
    const refusals: Refusal[] = []
    const listener = withCaller(verifier, () => expect.unreachable(), { onRefused: (one) => void refusals.push(one) })
    const response = await (await serve(listener))({ authorization })
    expect([response.status, await response.text()]).toEqual([401, ''])
    expect(response.headers.get('www-authenticate')).toBe(challenge)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(refusals.map((refusal) => refusal.code)).toEqual([code])
  })

  it('without a token is told what to bring, and no error', async () => {
    const call = await serve(withCaller(verifier, () => expect.unreachable(), { realm: 'payments' }))
    const response = await call()
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="payments"'])
    const wrong = await call({ authorization: 'Bearer bad' })
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="payments", error="invalid_token"')
  })

  it('I6: that cannot be judged is answered 503 with the time to come again', async () => {
    const response = await (await serve(answer))({ authorization: 'Bearer later' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7'])
    expect(response.headers.get('www-authenticate')).toBeNull()
  })

  it('that meets a defect is answered 500 and let in nowhere', async () => {
    expect((await (await serve(answer))({ authorization: 'Bearer defect' })).status).toBe(500)
  })

  it('with two tokens has none: who reads the other would see another caller', async () => {
    const started = createServer(answer)
    server = started
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
    const { port } = started.address() as AddressInfo
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const headers = [
        'Authorization',
        'Bearer good',
        'authorization',
        'Bearer bad',
        'Host',
        'x',
        'Connection',
        'close',
      ]
      request({ port, host: '127.0.0.1', headers }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(401)
  })
})

describe('the middleware', () => {
  it('serves express, whose routes then know the caller', async () => {
    const app = express()
    app.use((request, _, next) => {
      Object.assign(request, { caller: { subject: 'spiffe://cluster.local/ns/shop/sa/admin' } })
      next()
    })
    app.use(authenticate(verifier))
    app.get('/', (request, response) => response.json(callerOf(request).subject))
    const call = await serve(app)
    expect(await (await call({ authorization: 'Bearer good' })).json()).toBe(subject)
    expect((await call({ authorization: 'Bearer bad' })).status).toBe(401)
    expect((await call()).status).toBe(401)
  })

  it('hands a defect to the error handler of express, where there is no caller', async () => {
    const app = express()
    app.use((request, _, next) => {
      Object.assign(request, { caller: { subject: 'spiffe://cluster.local/ns/shop/sa/admin' } })
      next()
    })
    app.use(authenticate(verifier))
    app.get('/', () => expect.unreachable())
    const failed: express.ErrorRequestHandler = (error: unknown, request, response, next) => {
      expect(() => callerOf(request)).toThrow('request has not been authenticated')
      if (error instanceof Error) response.status(500).json(error.name)
      else next(error)
    }
    app.use(failed)
    const response = await (await serve(app))({ authorization: 'Bearer defect' })
    expect([response.status, await response.json()]).toEqual([500, 'RangeError'])
  })

  it('sends nothing where another handler has responded meanwhile', async () => {
    const waiting = Promise.withResolvers<undefined>()
    const slow = { ...verifier, verify: (token: string) => waiting.promise.then(() => verifier.verify(token)) }
    const refusals: number[] = []
    const refused = Promise.withResolvers<undefined>()
    const listener = withCaller(slow, () => undefined, {
      onRefused: ({ status }) => {
        refusals.push(status)
        refused.resolve(undefined)
      },
    })
    const call = await serve((request, response) => {
      listener(request, response)
      // As any middleware for time limits does.
      response.writeHead(504).end()
      waiting.resolve(undefined)
    })
    expect((await call({ authorization: 'Bearer bad' })).status).toBe(504)
    await refused.promise
    expect(refusals).toEqual([401])
  })

  it('answers although the log for refusals throws', async () => {
    const onRefused = (): void => {
      throw new Error('the log is full')
    }
    const call = await serve(withCaller(verifier, () => undefined, { onRefused }))
    expect((await call()).status).toBe(401)
    expect((await call({ authorization: 'Bearer bad' })).status).toBe(401)
  })

  it('is missed where it was not asked', () => {
    expect(() => callerOf({})).toThrow('request has not been authenticated')
  })

  it.each(['a"b', 'a\\b', 'a\r\nSet-Cookie: x', 'é'])('takes no realm that breaks out: %j', (realm) => {
    expect(() => authenticate(verifier, { realm })).toThrow(TypeError)
  })
})
