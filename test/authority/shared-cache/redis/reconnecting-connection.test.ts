import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ReconnectingConnection,
  type ReconnectEvents,
  type ReconnectOptions,
} from '../../../../src/authority/shared-cache/redis/reconnecting-connection.ts'

interface Attempt {
  readonly events: ReconnectEvents
  readonly connection: { disconnect: () => void; readonly disconnects: number }
}

let attempts: Attempt[]
const down: string[] = []

beforeEach(() => {
  vi.useFakeTimers()
  attempts = []
  down.length = 0
})
afterEach(() => vi.useRealTimers())

function connection() {
  let disconnects = 0
  return {
    disconnect: () => {
      disconnects++
    },
    get disconnects() {
      return disconnects
    },
  }
}

function startConnection(options: Partial<ReconnectOptions<Attempt['connection']>> = {}) {
  return new ReconnectingConnection<Attempt['connection']>({
    open: (events) => {
      const attempt = { events, connection: connection() }
      attempts.push(attempt)
      return Promise.resolve(attempt.connection)
    },
    openLimitMs: 500,
    pauseMs: [100, 1000],
    onDown: (reason) => void down.push(reason),
    ...options,
  })
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds)

describe('a reconnecting connection', () => {
  it('has a connection from when it is ready, also where that is told before it is handed over', async () => {
    const kept = startConnection()
    attempts[0]?.events.ready()
    expect(kept.ready).toBeUndefined()
    await pass(0)
    expect(kept.ready).toBe(attempts[0]?.connection)
    expect(kept.reason).toBeUndefined()
    kept.close()
  })

  it('opens another after each that ends, at growing intervals, and says each reason once', async () => {
    // None of these attempts is given up.
    const kept = startConnection({ openLimitMs: 60_000 })
    // Of a pause at least the half is kept; the rest is spread.
    for (const [least, most] of [
      [100, 200],
      [200, 400],
      [400, 800],
      [500, 1000],
      [500, 1000],
    ] as const) {
      const before = attempts.length
      attempts.at(-1)?.events.ended('ECONNREFUSED')
      await pass(least - 1)
      expect(attempts).toHaveLength(before)
      await pass(most - least + 1)
      expect(attempts).toHaveLength(before + 1)
    }
    expect(down).toEqual(['ECONNREFUSED'])
    attempts.at(-1)?.events.ended('ETIMEDOUT')
    expect(down).toEqual(['ECONNREFUSED', 'ETIMEDOUT'])
    kept.close()
  })

  it('gives up an attempt that is not ready in time', async () => {
    const kept = startConnection()
    await pass(499)
    expect(attempts[0]?.connection.disconnects).toBe(0)
    await pass(1)
    expect(attempts[0]?.connection.disconnects).toBe(1)
    expect(kept.reason).toBe('timed out')
    attempts[0]?.events.ready()
    expect(kept.ready).toBeUndefined()
    kept.close()
  })

  it('opens another where it is told that one is of no use, and hears no more of that', async () => {
    const kept = startConnection()
    attempts[0]?.events.ready()
    await pass(0)
    kept.reset('no answer')
    expect([kept.ready, kept.reason]).toEqual([undefined, 'no answer'])
    expect(attempts[0]?.connection.disconnects).toBe(1)
    attempts[0]?.events.ended('closed')
    expect(kept.reason).toBe('no answer')
    await pass(200)
    attempts[1]?.events.ready()
    expect(kept.ready).toBe(attempts[1]?.connection)
    kept.close()
  })

  it('lets go of a connection that comes after it was closed', async () => {
    const late = connection()
    const opening = Promise.withResolvers<Attempt['connection']>()
    const kept = startConnection({ open: () => opening.promise })
    kept.close()
    opening.resolve(late)
    await pass(5000)
    expect(late.disconnects).toBe(1)
    expect(kept.ready).toBeUndefined()
    expect(attempts).toEqual([])
  })

  it('goes on where an attempt cannot even begin', async () => {
    let count = 0
    const kept = startConnection({
      open: () => (count++ === 0 ? Promise.reject(new Error('no')) : Promise.resolve(connection())),
    })
    await pass(1000)
    expect(count).toBeGreaterThan(1)
    expect(down).toContain('cannot be opened')
    kept.close()
  })
})
