import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../time/clock.ts'

/** A connection with a request. */
export interface AskingConnection {
  /** The position in the order of arrival. */
  readonly number: number
  /** When the connection was accepted, in milliseconds of the monotonic clock. */
  readonly since: number
}

interface Connection extends AskingConnection {
  readonly address: string
  socket: Duplex
  /** The number of the latest request, counted over all connections. */
  asked: number
  /** Whether any request got a successful response. */
  trusted: boolean
  /** The response to the latest request. */
  response?: ServerResponse
  /** A finished response that the peer has not read completely, and the number of checks since. */
  unread?: { readonly response: ServerResponse; checks: number }
}

/** The number of checks after which a reader is too slow. */
const maxChecks = 15

/**
 * Limits the connections of a server without locking out well-behaved peers. A connection beyond the limit replaces the
 * oldest one without a successful response, else the one whose latest request is oldest. A peer that only holds
 * connections thus loses them to peers that send requests. The new connection is refused only while all others have a
 * request in progress.
 */
export class Connections {
  readonly #limit: number
  readonly #clock: Pick<Clock, 'monotonic'>
  #arrivals = 0
  #requests = 0
  /** By the peer's address, which a TLS socket shares with its TCP socket; in the order of arrival. */
  readonly #all = new Map<string, Connection>()
  readonly #opened = new WeakMap<Duplex, Connection>()

  constructor(limit: number, clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#limit = limit
    this.#clock = clock
  }

  get size(): number {
    return this.#all.size
  }

  /** Registers a new TCP connection. */
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

  /** Registers the socket that requests arrive on: the TCP socket itself, or the TLS socket after the handshake. */
  open(socket: Socket): void {
    const connection = this.#all.get(addressOf(socket) ?? '')
    if (connection === undefined) {
      socket.destroy()
      return
    }
    connection.socket = socket
    this.#opened.set(socket, connection)
  }

  /** Registers a request; its response decides the value of the connection. Undefined if the connection was dropped. */
  ask(socket: Duplex, response: ServerResponse): AskingConnection | undefined {
    const connection = this.#opened.get(socket)
    if (connection === undefined) return undefined
    connection.trusted ||= wasGood(connection)
    connection.asked = ++this.#requests
    connection.response = response
    return connection
  }

  /**
   * Destroys connections whose peer has not read a finished response within `timeout` milliseconds (plus up to a
   * fifteenth), even if it reads slowly. One timer checks all connections, so that a request costs nothing. Counting
   * checks instead of time spares the peers if this process was suspended. Returns a function that stops the timer.
   */
  dropSlowReaders(timeout: number): () => void {
    const timer = setInterval(() => {
      for (const connection of this.#all.values()) if (isReadTooSlowly(connection)) connection.socket.destroy()
    }, timeout / maxChecks)
    timer.unref()
    return () => clearInterval(timer)
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy()
  }

  #makeRoom(newcomer: Connection): void {
    const victim = this.#leastNeeded(newcomer) ?? newcomer
    // Frees the place now; closing takes a moment.
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

/** Checks the oldest unread response until it has been read, whatever is requested after it. */
function isReadTooSlowly(connection: Connection): boolean {
  const { unread, response } = connection
  if (unread !== undefined && !unread.response.writableFinished) {
    unread.checks += 1
    return unread.checks > maxChecks
  }
  if (response === undefined || !response.writableEnded || response.writableFinished) delete connection.unread
  else connection.unread = { response, checks: 1 }
  return false
}

/** Undefined if the peer is already gone. */
function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined || remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`
}
