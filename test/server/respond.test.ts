import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { answerEarly, answerText, refuse } from '../../src/server/respond.ts'
import { startPlainServer } from '../builders/plain-server.ts'
import { ending } from '../builders/running-server.ts'

describe('answerText', () => {
  it('answers with a line of text that browsers do not take for anything else', async () => {
    await using server = await startPlainServer((_, response) =>
      answerText(response, 503, 'wäit', { 'retry-after': '1' }),
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    const { received } = await ending(socket)
    expect(received).toMatch(/^HTTP\/1.1 503 /)
    expect(received).toMatch(/content-type: text\/plain; charset=utf-8\r\n/)
    expect(received).toMatch(/content-length: 6\r\n/)
    expect(received).toMatch(/x-content-type-options: nosniff\r\n/)
    expect(received).toMatch(/retry-after: 1\r\n/)
  })
})

describe.concurrent('refuse', () => {
  it('keeps the connection of a request without a body', async () => {
    await using server = await startPlainServer((request, response) => refuse(request, response, 404, 'not found'))
    const socket = connect(server.port, '127.0.0.1')
    socket.write('GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect((await ending(socket)).received.match(/HTTP\/1.1 404/g)).toHaveLength(2)
  })

  it('lets a peer read the answer that first sends its whole body', async () => {
    await using server = await startPlainServer((request, response) => refuse(request, response, 415, 'no'))
    const socket = connect(server.port, '127.0.0.1')
    const body = Buffer.alloc(4 * 1024 * 1024)
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`)
    socket.write(body)
    const { received, error } = await ending(socket)
    expect(error).toBeUndefined()
    expect(received).toMatch(/^HTTP\/1.1 415 [^]*connection: close[^]*no\n$/i)
  })

  it('sends an answer without a body at once, too', async () => {
    await using server = await startPlainServer((request, response) => answerEarly(request, response, 503, '', {}))
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 503 [^]*content-length: 0\r\n[^]*\r\n\r\n$/)
    // The server has not ended the connection before it has seen the body.
    socket.write('abc')
    expect((await ending(socket)).error).toBeUndefined()
  })

  it('ends the connection of a peer that announces a body and never sends it, about a second later', async () => {
    await using server = await startPlainServer((request, response) => refuse(request, response, 415, 'no'))
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n')
    const { received, afterMs } = await ending(socket)
    expect(received).toMatch(/^HTTP\/1.1 415 /)
    expect(afterMs).toBeGreaterThan(500)
    // Node itself would end it after five minutes: there is room for a machine that stands still.
    expect(afterMs).toBeLessThan(20_000)
  })

  it('does not wait for a body where the peer has gone', async () => {
    await using server = await startPlainServer((request, response) => {
      request.on('error', () => undefined)
      refuse(request, response, 415, 'no')
    })
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc')
    socket.once('data', () => socket.resetAndDestroy())
    expect((await ending(socket)).received).toMatch(/^HTTP\/1.1 415 /)
  })
})
