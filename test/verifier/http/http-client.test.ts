import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { fetchDocumentWith } from '../../../src/verifier/http/fetch-document.ts'
import { HttpClient } from '../../../src/verifier/http/http-client.ts'
import { eventually } from '../../builders/eventually.ts'
import { ServingAuthority } from '../../builders/serving-certificate.ts'
import { FakeAuthority, trust } from '../../fakes/authority.ts'

let authority: FakeAuthority
const clients: HttpClient[] = []

beforeAll(async () => {
  authority = await FakeAuthority.start()
})

afterEach(() => {
  authority.instead.clear()
  authority.seen.length = 0
  for (const client of clients.splice(0)) client.close()
})

afterAll(() => authority.stop())

function clientOf({ ca = authority.ca, timeoutMs = 5000 }: { ca?: string; timeoutMs?: number } = {}): HttpClient {
  const client = new HttpClient({ trust: () => Promise.resolve(ca), timeoutMs })
  clients.push(client)
  return client
}

const get = (client: HttpClient, path = '/x', maxBytes = 1000) =>
  client.send({ method: 'GET', url: `${authority.issuer}${path}`, maxBytes })

describe('HTTPS to the authority', () => {
  it('gives the answer, whatever its status, on one connection', async () => {
    const ports = new Set<number | undefined>()
    authority.instead.set('/x', (request, response) => {
      ports.add(request.socket.remotePort)
      response.writeHead(418).end('short and stout')
    })
    const client = clientOf()
    for (let count = 0; count < 3; count += 1) {
      const { status, body } = await get(client)
      expect([status, body.toString()]).toEqual([418, 'short and stout'])
    }
    expect(ports.size).toBe(1)
  })

  it('sends a form with its length', async () => {
    authority.instead.set('/x', (_, response, body) => response.end(body))
    const request = { method: 'POST', url: `${authority.issuer}/x`, body: 'é=1', maxBytes: 100 } as const
    expect((await clientOf().send(request)).body.toString()).toBe('é=1')
  })

  it('follows no redirect', async () => {
    authority.instead.set('/x', (_, response) => response.writeHead(302, { location: `${authority.issuer}/y` }).end())
    expect((await get(clientOf())).status).toBe(302)
    expect(authority.count('/y')).toBe(0)
  })

  it('refuses a certificate that it has no reason to trust', async () => {
    const other = await ServingAuthority.create()
    await expect(get(clientOf({ ca: other.ca }))).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
    expect(authority.seen).toEqual([])
  })

  it('trusts what is mounted now: the old authority no longer, the new one at once', async () => {
    let ca: string = authority.ca
    const client = new HttpClient({ trust: () => Promise.resolve(ca) })
    clients.push(client)
    let old: Socket | undefined
    authority.instead.set('/x', (request, response) => {
      old = request.socket
      response.end()
    })
    expect((await get(client)).status).toBe(200)
    const successor = await ServingAuthority.create()
    onTestFinished(async () => authority.serve(await trust.issue({ dnsNames: ['localhost'] })))
    ca = successor.ca
    // The connection was begun with the old trust, and so was its TLS session.
    await expect(get(client, '/jwks.json')).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
    await eventually(() => expect(old?.destroyed).toBe(true))
    authority.serve(await successor.issue({ dnsNames: ['localhost'] }))
    expect((await get(client, '/jwks.json')).status).toBe(200)
  })

  it('keeps waiting for nothing: neither for headers nor for the rest of a body', async () => {
    authority.instead.set('/silent', () => undefined)
    authority.instead.set('/half', (_, response) => response.writeHead(200).write('a'))
    const client = clientOf({ timeoutMs: 150 })
    await expect(get(client, '/silent')).rejects.toMatchObject({ code: 'ERR_FETCH_TIMEOUT' })
    await expect(get(client, '/half')).rejects.toMatchObject({ code: 'ERR_FETCH_TIMEOUT' })
  })

  it('rejects with a FetchError where its caller aborts the request, before it begins and while it waits', async () => {
    authority.instead.set('/silent', () => undefined)
    const client = clientOf()
    const send = (signal: AbortSignal) =>
      client.send({ method: 'GET', url: `${authority.issuer}/silent`, maxBytes: 1000, signal })
    await expect(send(AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
    expect(authority.seen).toEqual([])
    const caller = new AbortController()
    const waiting = send(caller.signal)
    const refused = expect(waiting).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
    await eventually(() => expect(authority.seen).toHaveLength(1))
    caller.abort()
    await refused
  })

  it('reads no more than it may, compressed or not', async () => {
    authority.instead.set('/x', (_, response) => response.end(Buffer.alloc(1001)))
    authority.instead.set('/bomb', (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000)))
    })
    authority.instead.set('/endless', (_, response) => {
      response.on('error', () => undefined)
      const more = (): void => {
        if (response.destroyed) return
        response.write(Buffer.alloc(500))
        setImmediate(more)
      }
      more()
    })
    const client = clientOf()
    for (const path of ['/x', '/bomb', '/endless']) {
      await expect(get(client, path)).rejects.toMatchObject({ code: 'ERR_FETCH_TOO_LARGE' })
    }
    authority.instead.set('/x', (_, response) => response.end(Buffer.alloc(1000)))
    expect((await get(client)).body.length).toBe(1000)
  })

  it('takes no encoding that it has not asked for, and none that is broken', async () => {
    const client = clientOf()
    for (const [encoding, body] of [
      ['br', 'x'],
      ['gzip', 'x'],
      ['gzip', gzipSync('whole').subarray(0, 15)],
    ] as const) {
      authority.instead.set('/x', (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body))
      await expect(get(client)).rejects.toMatchObject({ code: 'ERR_FETCH_CONTENT' })
    }
  })

  it('retries where an idle connection ends on reuse, and not where it ends within a response', async () => {
    let cut = false
    authority.instead.set('/x', (request, response) => {
      if (cut) request.socket.destroy()
      else response.end('ok')
      cut = !cut
    })
    const client = clientOf()
    await get(client)
    expect((await get(client)).body.toString()).toBe('ok')
    authority.instead.set('/x', (request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half', () => request.socket.destroy())
    })
    const unused = clientOf()
    const before = authority.count('/x')
    await expect(get(unused)).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
    expect(authority.count('/x') - before).toBe(1)
  })

  it('takes an answer that switches protocols for none', async () => {
    authority.instead.set('/x', (request) => {
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n')
    })
    await expect(get(clientOf())).rejects.toMatchObject({ code: 'ERR_FETCH_FAILED' })
  })

  it('names the reason of a lost connection', async () => {
    const gone = await FakeAuthority.start()
    await gone.stop()
    const request = { method: 'GET', url: `${gone.issuer}/x`, maxBytes: 1 } as const
    await expect(clientOf().send(request)).rejects.toThrow(`cannot fetch ${gone.issuer}/x: ECONNREFUSED`)
  })

  it('asks nothing once it is closed', async () => {
    const client = clientOf()
    client.close()
    await expect(get(client)).rejects.toThrow('the client is closed')
  })
})

describe('fetching a document', () => {
  const fetch = (path: string, etag?: string) =>
    fetchDocumentWith(clientOf())(`${authority.issuer}${path}`, {
      etag,
      maxBytes: 1000,
      signal: new AbortController().signal,
    })

  it('gives its text and validator, and knows when it is unchanged', async () => {
    const fetched = await fetch('/revocations')
    if (fetched === 'unchanged') throw new Error('nothing was sent')
    expect(JSON.parse(fetched.text)).toEqual({ issuer: authority.issuer, revocations: [] })
    expect(await fetch('/revocations', fetched.etag)).toBe('unchanged')
  })

  it('tells other answers by their status, with what Retry-After asks', async () => {
    authority.instead.set('/x', (_, response) => response.writeHead(503, { 'retry-after': '7' }).end())
    await expect(fetch('/x')).rejects.toMatchObject({ code: 'ERR_FETCH_STATUS', status: 503, retryAfterMs: 7000 })
    authority.instead.set('/x', (_, response) => response.writeHead(304).end())
    await expect(fetch('/x')).rejects.toMatchObject({ status: 304 })
    await expect(fetch('/nowhere')).rejects.toMatchObject({ status: 404 })
  })

  it('takes UTF-8 only, and sends back no validator of another form', async () => {
    authority.instead.set('/x', (_, response) => response.end(Buffer.from([0xff, 0xfe])))
    await expect(fetch('/x')).rejects.toMatchObject({ code: 'ERR_FETCH_CONTENT' })
    authority.instead.set('/x', (_, response) => response.writeHead(200, { etag: 'bare' }).end('{}'))
    expect(await fetch('/x')).toEqual({ text: '{}', etag: undefined })
  })
})
