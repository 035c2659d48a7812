import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FormResponse, FormRequest } from '../../../src/authority/oauth/form-endpoint.ts'
import { FormHandler, type FormHandlerOptions } from '../../../src/authority/oauth/form-handler.ts'
import { OAuthError } from '../../../src/authority/oauth/oauth-error.ts'
import { RateLimit } from '../../../src/authority/oauth/rate-limit.ts'
import { silentLogger } from '../../../src/logger.ts'
import { LoadShedder } from '../../../src/server/load-shedding.ts'
import { eventually } from '../../builders/eventually.ts'
import { ending } from '../../builders/running-server.ts'

const issuer = { issuer: 'https://issuer.example/signet', path: '/signet' }
const form = 'application/x-www-form-urlencoded'
const ok: FormResponse = { status: 200, body: '{"ok":true}' }

let server: Server
let overload: LoadShedder
let handler: FormHandler
let endpoint: (request: FormRequest) => Promise<FormResponse>
const answers: [string, number][] = []
const refusals: (string | undefined)[] = []

function make(different: Partial<FormHandlerOptions> = {}): void {
  handler = new FormHandler({
    issuer,
    endpoints: { token: (received) => endpoint(received) },
    overload,
    addresses: new RateLimit({ perSecond: 0 }),
    logger: silentLogger,
    onAnswer: (name, status) => answers.push([name, status]),
    onRefusal: (_, error) => refusals.push(error.reason),
    ...different,
  })
}

beforeEach(async () => {
  answers.length = 0
  refusals.length = 0
  overload = new LoadShedder({ underWay: 4, delayMs: 60_000 })
  endpoint = async () => ok
  make()
  server = createServer((req, res) => {
    if (!handler.handle(req.url ?? '', req, res)) res.writeHead(404).end('other')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  overload.close()
  server.closeAllConnections()
  server.close()
})

const port = (): number => (server.address() as AddressInfo).port

interface Received {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: string
}

function post(body: string | Buffer, headers: Record<string, string> = {}, method = 'POST', path = '/signet/token') {
  return new Promise<Received>((resolve, reject) => {
    const outgoing = request(
      { port: port(), path, method, headers: { 'content-type': form, ...headers } },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe('FormHandler', () => {
  it('hands a form to its endpoint and sends the answer, which nobody may keep', async () => {
    let received: FormRequest | undefined
    endpoint = async (one) => {
      received = one
      return { ...ok, headers: { 'X-Other': 'yes' } }
    }
    const { status, headers, body } = await post('a=b&c=', { authorization: 'Bearer x' })
    expect([status, body]).toEqual([200, '{"ok":true}'])
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'content-type': 'application/json',
      'content-length': '11',
      'x-content-type-options': 'nosniff',
      'x-other': 'yes',
    })
    expect([...(received?.form ?? [])]).toEqual([['a', 'b']])
    expect(received?.authorization).toBe('Bearer x')
    expect(received?.connection.remoteAddress).toBe('127.0.0.1')
    expect(answers).toEqual([['token', 200]])
  })

  it.each([
    ['Bearer x', 'Bearer y'],
    ['Bearer x', 'Bearer x'],
  ])('refuses two Authorization headers, %s and %s', async (first, second) => {
    endpoint = async ({ authorization }) => ({ status: 200, body: JSON.stringify({ authorization }) })
    const send = async (headers: string): Promise<string> => {
      const socket = connect(port(), '127.0.0.1')
      socket.write(`POST /signet/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: ${form}\r\n`)
      socket.write(`${headers}Content-Length: 3\r\n\r\na=b`)
      return (await ending(socket)).received
    }
    const both = await send(`Authorization: ${first}\r\nAUTHORIZATION: ${second}\r\n`)
    expect(both).toMatch(/^HTTP\/1.1 400 [^]*"error":"invalid_request"[^]*more than one Authorization header/)
    expect(both).not.toContain('Bearer')
    // As long a name as that of the other: one alone is read.
    expect(await send(`Authorization: ${first}\r\nX-Forwarded-X: ${second}\r\n`)).toContain(`"${first}"`)
  })

  it('I6: judges nothing while its clock is wrong, and sends the caller to another replica', async () => {
    const asked = vi.fn(async () => ok)
    endpoint = asked
    let unfit: string | undefined = 'the clock is wrong'
    make({ unfit: () => unfit })
    const { status, headers, body } = await post('a=b')
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual({ error: 'temporarily_unavailable', error_description: 'the clock is wrong' })
    expect(headers).toMatchObject({ 'retry-after': '1', connection: 'close' })
    expect([asked.mock.calls.length, refusals]).toEqual([0, ['clock']])
    unfit = undefined
    expect((await post('a=b')).status).toBe(200)
  })

  it('sends no body where the answer has none', async () => {
    endpoint = async () => ({ status: 200, body: '' })
    const { headers, body } = await post('a=b')
    expect([body, headers['content-type'], headers['content-length']]).toEqual(['', undefined, '0'])
  })

  it('leaves every other path to others', async () => {
    for (const path of ['/token', '/signet/token/', '/signet/Token', '/signet/introspect', '/signet/%74oken', '/']) {
      expect((await post('a=b', {}, 'POST', path)).body).toBe('other')
    }
    expect(answers).toEqual([])
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('refuses %s and names POST', async (method) => {
    const { status, headers } = await post('', {}, method)
    expect([status, headers.allow, headers['cache-control']]).toEqual([405, 'POST', 'no-store'])
    expect(answers).toEqual([['token', 405]])
  })

  it.each([{ 'content-type': 'application/json' }, { 'content-encoding': 'gzip' }])(
    'refuses a body that is no plain form: %o',
    async (headers: Record<string, string>) => {
      const { status, body } = await post('a=b', headers)
      expect([status, (JSON.parse(body) as { error: string }).error]).toEqual([415, 'invalid_request'])
    },
  )

  it('refuses more than 16 KiB, announced or not', async () => {
    const most = `a=${'x'.repeat(16 * 1024 - 2)}`
    expect((await post(most)).status).toBe(200)
    expect((await post(`${most}x`)).status).toBe(413)
    const chunked = await post(`${most}x`, { 'transfer-encoding': 'chunked' })
    expect([chunked.status, chunked.headers.connection]).toEqual([413, 'close'])
  })

  it('refuses a parameter that is sent twice', async () => {
    const { status, body, headers } = await post('a=b&a=c')
    expect([status, JSON.parse(body), headers['www-authenticate']]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'a parameter is sent twice: send each once' },
      undefined,
    ])
    expect(refusals).toEqual(['form'])
  })

  it('says an OAuthError in the words of RFC 6749 §5.2', async () => {
    endpoint = async () => {
      throw new OAuthError('invalid_client', 'say "who"\nyou \\ are é', { reason: 'none' })
    }
    const { status, body, headers } = await post('a=b')
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe('Bearer realm="https://issuer.example/signet", error="invalid_token"')
    expect(JSON.parse(body)).toEqual({ error: 'invalid_client', error_description: "say 'who''you ' are '" })
    expect(refusals).toEqual(['none'])
  })

  it('I6: says when to come again where it cannot be decided now', async () => {
    endpoint = async () => {
      throw new OAuthError('temporarily_unavailable', 'not now', { retryAfter: 7 })
    }
    const { status, headers } = await post('a=b')
    expect([status, headers['retry-after']]).toEqual([503, '7'])
  })

  it('says nothing of what went wrong within', async () => {
    const logged: unknown[] = []
    make({ logger: { ...silentLogger, error: (...line) => logged.push(line) } })
    endpoint = async () => {
      throw new TypeError('secret details')
    }
    const { status, body } = await post('a=b')
    expect([status, body]).toEqual([500, '{"error":"server_error"}'])
    expect(logged).toHaveLength(1)
  })

  it('refuses more than may be under way, on a connection that stays', async () => {
    const waiting = Promise.withResolvers<FormResponse>()
    endpoint = () => waiting.promise
    const pending = Array.from({ length: 4 }, () => post('a=b'))
    await eventually(() => expect(overload.underWay).toBe(4))
    const { status, headers } = await post('a=b')
    expect([status, headers['retry-after'], headers.connection]).toEqual([503, '1', 'keep-alive'])
    expect(refusals).toEqual(['overload'])
    waiting.resolve(ok)
    expect((await Promise.all(pending)).map((one) => one.status)).toEqual([200, 200, 200, 200])
    expect(overload.underWay).toBe(0)
  })

  it('refuses an address that asks too often, before its form is read', async () => {
    // Two, and the next one much later than this test can take.
    make({ addresses: new RateLimit({ perSecond: 0.001, burstSeconds: 2000 }) })
    expect([(await post('a=b')).status, (await post('a=b')).status]).toEqual([200, 200])
    const { status, headers } = await post('a=b&a=b')
    expect([status, Number(headers['retry-after']) > 500]).toEqual([429, true])
    expect(refusals).toEqual(['rate'])
  })

  it('answers for an endpoint that hangs, and gives its place free', async () => {
    make({ timeoutMs: 50 })
    const late = Promise.withResolvers<FormResponse>()
    let signal: AbortSignal | undefined
    endpoint = (one) => {
      signal = one.signal
      return late.promise
    }
    expect((await post('a=b')).status).toBe(503)
    expect([signal?.aborted, refusals]).toEqual([true, ['timeout']])
    late.resolve(ok)
    await eventually(() => expect(overload.underWay).toBe(0))
    expect(answers).toEqual([['token', 503]])
  })

  it('tells an endpoint that the caller has gone', async () => {
    const seen = Promise.withResolvers<AbortSignal>()
    endpoint = ({ signal }) => {
      seen.resolve(signal)
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new OAuthError('invalid_request', 'gone'))),
      )
    }
    const socket = connect(port(), '127.0.0.1')
    socket.write(`POST /signet/token HTTP/1.1\r\nhost: a\r\ncontent-type: ${form}\r\ncontent-length: 3\r\n\r\na=b`)
    const signal = await seen.promise
    expect(signal.aborted).toBe(false)
    socket.destroy()
    await eventually(() => expect(signal.aborted).toBe(true))
    await eventually(() => expect(overload.underWay).toBe(0))
  })

  it('forgets a body whose sender has gone', async () => {
    const socket = connect(port(), '127.0.0.1')
    socket.write(`POST /signet/token HTTP/1.1\r\nhost: a\r\ncontent-type: ${form}\r\ncontent-length: 30\r\n\r\na=b`)
    socket.end()
    await ending(socket)
    expect([overload.underWay, answers]).toEqual([0, []])
  })
})
