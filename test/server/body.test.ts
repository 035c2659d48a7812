import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/server/respond.ts'
import { collectBody } from '../../src/server/body.ts'
import { eventually } from '../builders/eventually.ts'
import { startPlainServer } from '../builders/plain-server.ts'
import { ending } from '../builders/running-server.ts'

const mebibyte = 1024 * 1024
const limit = 8 * mebibyte

/** Reads one request's body as the server does, 413 where it is too large, while `send` writes to the socket. */
async function exchange(most: number, send: (socket: Socket, asked: Promise<undefined>) => void | Promise<void>) {
  const outcomes: (number | string)[] = []
  const asked = Promise.withResolvers<undefined>()
  await using server = await startPlainServer((request, response) => {
    asked.resolve(undefined)
    collectBody(request, most, {
      end: (body) => {
        outcomes.push(body.length)
        response.end(`read ${body.length}`)
      },
      tooLarge: () => {
        outcomes.push('too large')
        refuse(request, response, 413, 'too large')
      },
      aborted: () => void outcomes.push('aborted'),
    })
  })
  const socket = connect(server.port, '127.0.0.1')
  const ended = ending(socket)
  await send(socket, asked.promise)
  return { outcomes, ...(await ended) }
}

const head = (...headers: string[]): string =>
  ['POST / HTTP/1.1', 'host: a', 'connection: close', ...headers, '', ''].join('\r\n')

/** Writes as fast as the peer takes it, until it takes no more. */
async function pour(socket: Socket, part: Buffer | string, times: number): Promise<void> {
  for (let index = 0; index < times && socket.writable; index += 1) {
    if (!socket.write(part)) await drained(socket)
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      socket.off('drain', goOn)
      socket.off('close', goOn)
      resolve()
    }
    socket.on('drain', goOn)
    socket.on('close', goOn)
  })
}

describe('collectBody', () => {
  it.each([
    ['one with a length', 3, `${head('content-length: 3')}abc`, 3],
    ['one in chunks', 3, `${head('transfer-encoding: chunked')}1\r\na\r\n2\r\nbc\r\n0\r\n\r\n`, 3],
    ['none', 3, head(), 0],
    ['an empty one', 3, head('content-length: 0'), 0],
  ])('reads %s', async (_, most, text, length) => {
    const { outcomes, received } = await exchange(most, (socket) => void socket.write(text))
    expect(outcomes).toEqual([length])
    expect(received).toContain(`read ${length}`)
  })

  it('gives the parts in their order, byte for byte', async () => {
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
    let body: Buffer | undefined
    await using server = await startPlainServer((request, response) => {
      collectBody(request, limit, {
        end: (read) => {
          body = read
          response.end()
        },
        tooLarge: () => undefined,
        aborted: () => undefined,
      })
    })
    const socket = connect(server.port, '127.0.0.1')
    socket.write(head(`content-length: ${sent.length}`))
    for (let at = 0; at < sent.length; at += 100_000) {
      socket.write(sent.subarray(at, at + 100_000))
      await sleep(10)
    }
    await ending(socket)
    expect(body?.equals(sent)).toBe(true)
  })

  it('reads a body of exactly the limit', async () => {
    const { outcomes } = await exchange(limit, async (socket) => {
      socket.write(head(`content-length: ${limit}`))
      await pour(socket, Buffer.alloc(mebibyte), 8)
    })
    expect(outcomes).toEqual([limit])
  })

  it('refuses one that announces more than the limit before any of it was sent', async () => {
    const { outcomes, received } = await exchange(limit, (socket) => {
      socket.write(head(`content-length: ${limit + 1}`))
      socket.once('data', () => socket.end())
    })
    expect(outcomes).toEqual(['too large'])
    expect(received).toMatch(/^HTTP\/1.1 413 [^]*connection: close[^]*too large\n$/i)
  })

  it.each([
    ['with a length', head(`content-length: ${256 * mebibyte}`), Buffer.alloc(mebibyte)],
    [
      'in chunks',
      head('transfer-encoding: chunked'),
      Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(mebibyte), Buffer.from('\r\n')]),
    ],
  ])('refuses 256 MiB %s, memory flat, and the peer that sends on still reads why', async (_, start, part) => {
    const held = (): number => process.memoryUsage().arrayBuffers
    const before = held()
    let most = before
    const sampler = setInterval(() => (most = Math.max(most, held())), 5)
    const { outcomes, received } = await exchange(limit, async (socket) => {
      socket.write(start)
      await pour(socket, part, 256)
    })
    clearInterval(sampler)
    expect(outcomes).toEqual(['too large'])
    expect(received).toMatch(/^HTTP\/1.1 413 /)
    // What was read up to the limit, and buffers of both sides that wait for the garbage collector.
    expect((most - before) / mebibyte).toBeLessThan(128)
  })

  it('says that a body ended early', async () => {
    const { outcomes } = await exchange(limit, async (socket, asked) => {
      socket.write(`${head('content-length: 10')}abc`)
      await asked
      socket.destroy()
    })
    await eventually(() => expect(outcomes).toEqual(['aborted']))
  })

  it('calls nothing any more once it was cancelled', async () => {
    const calls: string[] = []
    const cancelled = Promise.withResolvers<undefined>()
    await using server = await startPlainServer((request, response) => {
      const cancel = collectBody(request, limit, {
        part: () => {
          cancel()
          cancelled.resolve(undefined)
          request.resume()
          request.once('end', () => response.end('done'))
        },
        end: () => void calls.push('end'),
        tooLarge: () => void calls.push('tooLarge'),
        aborted: () => void calls.push('aborted'),
      })
    })
    const socket = connect(server.port, '127.0.0.1')
    const ended = ending(socket)
    socket.write(`${head('content-length: 6')}abc`)
    await cancelled.promise
    socket.write('def')
    expect((await ended).received).toContain('done')
    expect(calls).toEqual([])
  })

  it('counts every part as it arrives', async () => {
    const lengths: number[] = []
    await using server = await startPlainServer((request, response) => {
      collectBody(request, limit, {
        part: (length) => void lengths.push(length),
        end: (body) => void response.end(String(body.length)),
        tooLarge: () => undefined,
        aborted: () => undefined,
      })
    })
    const socket = connect(server.port, '127.0.0.1')
    const ended = ending(socket)
    socket.write(`${head('content-length: 6')}abc`)
    await eventually(() => expect(lengths).toEqual([3]))
    socket.write('def')
    await ended
    expect(lengths).toEqual([3, 3])
  })
})
