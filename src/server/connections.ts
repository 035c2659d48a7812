import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../time/clock.ts'

/** A connection on which something was asked. */
export interface AskingConnection {
  /** Its place in the order of arrival. */
  readonly number: number
  /** When it came, in milliseconds of the monotonic clock. */
  readonly since: number
}

interface Connection extends AskingConnection {
  readonly address: string
  socket: Duplex
  /** The number of its latest request, counted over all connections. */
  asked: number
  /** Whether any request was answered with success. */
  trusted: boolean
  /** To the latest request. */
  response?: ServerResponse
  /** An answer that was ended and has not left yet, and how often it was seen so. */
  unread?: { readonly response: ServerResponse; looks: number }
}

/** How often an answer is looked at before its reader counts as too slow. */
const mostLooks = 15

/**
 * Bounds the connections of a server without locking anyone out. When one more comes than fit, another one goes: the
 * oldest of those that have had no good answer yet, else the one that has asked for nothing the longest. Peers that only
 * hold connections thus lose them to peers that ask. The newcomer goes only while all others are being answered.
 */
export class Connections {
  readonly #limit: number
  readonly #clock: Pick<Clock, 'monotonic'>
  #arrivals = 0
  #requests = 0
  /** By the peer's address, which a TLS socket shares with the TCP socket below it; in the order of arrival. */
  readonly #all = new Map<string, Connection>()
  readonly #opened = new WeakMap<Duplex, Connection>()

  constructor(limit: number, clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#limit = limit
    this.#clock = clock
  }

  get size(): number {
    return this.#all.size
  }

  /** A TCP connection has come. */
  accept(socket: Socket): void {
    const address = addressOf(socket)
    if (address === undefined) {
      socket.destroy()
      return
    }
    const connection: Connection = {
      address,
      number: ++this.#arrivals,
      since: this.#clock.monotonic(),
      socket,
      asked: 0,
      trusted: false,
    }
    this.#all.set(address, connection)
    socket.once('close', () => this.#leave(connection))
    if (this.#all.size > this.#limit) this.#makeRoom(connection)
  }

  /** Requests may come on this socket: the TCP socket itself, or the TLS socket over it once the handshake is done. */
  open(socket: Socket): void {
    const connection = this.#all.get(addressOf(socket) ?? '')
    if (connection === undefined) {
      socket.destroy()
      return
    }
    connection.socket = socket
    this.#opened.set(socket, connection)
  }

  /**
   * A request has come; what becomes of its answer tells what the connection is worth. Undefined where the connection
   * has gone.
   */
  ask(socket: Duplex, response: ServerResponse): AskingConnection | undefined {
    const connection = this.#opened.get(socket)
    if (connection === undefined) return undefined
    connection.trusted ||= wasGood(connection)
    connection.asked = ++this.#requests
    connection.response = response
    return connection
  }

  /**
   * Destroys connections whose peer has not taken an answer within `timeout` milliseconds, and a fifteenth, of its end,
   * however it trickles. One timer looks at all connections, so that a request costs nothing. Counting looks instead of
   * time spares the peers when this process was the one that stood still. Returns what stops it.
   */
  dropSlowReaders(timeout: number): () => void {
    const timer = setInterval(() => {
      for (const connection of this.#all.values()) if (isReadTooSlowly(connection)) connection.socket.destroy()
    }, timeout / mostLooks)
    timer.unref()
    return () => clearInterval(timer)
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy()
  }

  #makeRoom(newcomer: Connection): void {
    const victim = this.#leastNeeded(newcomer) ?? newcomer
    // Not counted any more from now on, although it takes a moment to close.
    this.#leave(victim)
    victim.socket.destroy()
  }

  #leastNeeded(newcomer: Connection): Connection | undefined {
    let idle: Connection | undefined
    for (const connection of this.#all.values()) {
      if (connection === newcomer) continue
      if (!connection.trusted && !wasGood(connection)) return connection
      if (!isBusy(connection) && connection.asked < (idle?.asked ?? Infinity)) idle = connection
    }
    return idle
  }

  #leave(connection: Connection): void {
    if (this.#all.get(connection.address) === connection) this.#all.delete(connection.address)
  }
}

function wasGood({ response }: Connection): boolean {
  if (response === undefined || !response.writableEnded) return false
  return (response.statusCode >= 200 && response.statusCode < 300) || response.statusCode === 304
}

function isBusy({ response }: Connection): boolean {
  return response !== undefined && !response.writableEnded
}

/** Looks once. The same answer is looked at until it has left, whatever is asked after it. */
function isReadTooSlowly(connection: Connection): boolean {
  const { unread, response } = connection
  if (unread !== undefined && !unread.response.writableFinished) {
    unread.looks += 1
    return unread.looks > mostLooks
  }
  if (response === undefined || !response.writableEnded || response.writableFinished) delete connection.unread
  else connection.unread = { response, looks: 1 }
  return false
}

/** Undefined where the peer has gone already. */
function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined || remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`
}
