import { describe, expect, it } from 'vitest'
import { HOUR, SECOND } from '../../src/time/duration.ts'
import { ServerClock } from '../../src/time/server-clock.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { eventually } from '../builders/eventually.ts'
import { SkewedClock } from '../fakes/skewed-clock.ts'
import { fakeCluster } from '../fakes/api-server-fixture.ts'

const at = (milliseconds: number) => new Date(milliseconds).toUTCString()

function synchronous() {
  const clock = new SkewedClock({ now: () => 5_000_000_000, monotonic: () => 0 })
  return {
    clock,
    server: new ServerClock(clock),
    offsetSeconds: (of: ServerClock) => (of.offset() ?? Number.NaN) / SECOND,
  }
}

describe('the clock of the API server', () => {
  it('is unknown until an answer tells a date that can be read', () => {
    const { server } = synchronous()
    for (const date of [undefined, '', 'yesterday', ['a'], 7]) server.see(date)
    expect(server.offset()).toBeUndefined()
  })

  it('is known to the second from one answer', () => {
    const { clock, server, offsetSeconds } = synchronous()
    server.see(at(clock.now()))
    expect(Math.abs(offsetSeconds(server))).toBeLessThanOrEqual(1)
  })

  it.each([HOUR, -HOUR, 365 * 24 * HOUR])('shows a jump of the local clock by %i ms before any new answer', (jump) => {
    const { clock, server } = synchronous()
    server.see(at(clock.now()))
    clock.ahead = jump
    expect(Math.abs((server.offset() ?? 0) - jump)).toBeLessThanOrEqual(SECOND)
    clock.ahead = 0
    expect(Math.abs(server.offset() ?? HOUR)).toBeLessThanOrEqual(SECOND)
  })

  it('is the middle one of the last five answers: one odd answer decides nothing, a lasting change does', () => {
    const { clock, server } = synchronous()
    for (let answer = 0; answer < 5; answer += 1) server.see(at(clock.now()))
    for (let odd = 1; odd <= 2; odd += 1) {
      server.see(at(clock.now() + HOUR))
      expect(Math.abs(server.offset() ?? HOUR)).toBeLessThanOrEqual(SECOND)
    }
    server.see(at(clock.now() + HOUR))
    expect(Math.abs((server.offset() ?? 0) + HOUR)).toBeLessThanOrEqual(SECOND)
  })

  it('is learned from every answer, of whatever status', async () => {
    const clock = new SkewedClock()
    const { fake, client } = await fakeCluster({ clock })
    expect(client.clockOffset()).toBeUndefined()
    fake.intercept(() => ({ status: 403 }))
    // An answer tells a date that is old already where this process stood still before it was read.
    await eventually(async () => {
      await expect(client.list(resources.secrets)).rejects.toMatchObject({ status: 403 })
      expect(Math.abs(client.clockOffset() ?? HOUR)).toBeLessThan(2 * SECOND)
    })
    clock.ahead = HOUR
    expect(Math.abs((client.clockOffset() ?? 0) - HOUR)).toBeLessThan(2 * SECOND)
  })
})
