import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Target {
  host: string
  port: number
}

/** A way to misuse a port; resolves with a connection on which it is under way. */
export interface Abuse {
  name: string
  begin: (target: Target) => Socket
}

const request = 'GET /livez HTTP/1.1\r\nHost: signet\r\n'
/** Never the beginning of a TLS record or of a request, and the same every time. */
const noise = Buffer.concat(
  Array.from({ length: 128 }, (_, index) => createHash('sha256').update(`noise ${index}`).digest()),
)

const silence: Abuse = { name: 'silence', begin: (target) => connect(target) }
const randomBytes: Abuse = { name: 'random bytes', begin: (target) => speaking(connect(target), 'connect', noise) }
const plainRequest: Abuse = {
  name: 'plain HTTP',
  begin: (target) => speaking(connect(target), 'connect', `${request}\r\n`),
}
const tlsClient: Abuse = {
  name: 'a TLS client',
  begin: (target) => connectTls({ ...target, rejectUnauthorized: false }),
}

/** One byte of a header at a time, and never its end. */
const slowHeader = (begin: (target: Target) => Socket, event: string): Abuse => ({
  name: 'a slow header',
  begin: (target) => {
    const socket = speaking(begin(target), event, request)
    const trickle = setInterval(() => {
      if (socket.writable) socket.write('x')
    }, 300)
    socket.once('close', () => clearInterval(trickle))
    return socket
  },
})

export const abusesOfTls: readonly Abuse[] = [
  plainRequest,
  randomBytes,
  silence,
  slowHeader((target) => connectTls({ ...target, rejectUnauthorized: false }), 'secureConnect'),
]

export const abusesOfPlain: readonly Abuse[] = [
  tlsClient,
  randomBytes,
  silence,
  slowHeader((target) => connect(target), 'connect'),
]

function speaking(socket: Socket, event: string, data: string | Buffer): Socket {
  return socket.once(event, () => socket.write(data))
}

/** Milliseconds until the other side has ended the connection; rejects where it holds it for longer than `limitMs`. */
export function endedAfter({ name, begin }: Abuse, target: Target, limitMs: number): Promise<number> {
  const began = performance.now()
  const socket = begin(target)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${name} is still connected to port ${target.port} after ${limitMs} ms`))
      socket.destroy()
    }, limitMs)
    // How it ends does not matter: an alert, a reset, an answer of 400 and then the end.
    socket.on('error', () => undefined)
    socket.resume()
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(performance.now() - began)
    })
  })
}
