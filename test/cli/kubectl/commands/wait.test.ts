import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../../src/cli/kubectl/terminal/failures.ts'
import { formatElapsed, type Progress, waitUntil } from '../../../../src/cli/kubectl/commands/wait.ts'
import { KubeError } from '../../../../src/kube/client/api-errors.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { HeldClock } from '../../../fakes/held-clock.ts'

function waiting(looks: readonly (Progress<string> | Error)[], timeout = 1000) {
  const clock = new HeldClock()
  const left = [...looks]
  const check = async (): Promise<Progress<string>> => {
    const next = left.length > 1 ? left.shift()! : left[0]!
    if (next instanceof Error) throw next
    return next
  }
  const pause = async (milliseconds: number) => clock.advance(milliseconds)
  return waitUntil({ clock, pause }, { timeout, check, onTimeout: 'check there' })
}

const failed = (status: number, reason: string) =>
  new KubeError({ verb: 'get', resource: resources.serviceIdentities, status, reason })

describe('waitUntil', () => {
  it('looks again until it is done, and says how long that took', async () => {
    expect(await waiting([{ missing: 'a' }, { missing: 'b' }, { done: 'x' }])).toEqual({ done: 'x', tookMs: 400 })
  })

  it('says what was missing last where time runs out', async () => {
    const timedOut = waiting([{ missing: 'a' }, { missing: 'the key' }])
    await expect(timedOut).rejects.toThrow(new CommandError('not done within 1s: the key; check there'))
  })

  it('looks once even where there is no time', async () => {
    expect(await waiting([{ done: 'x' }], 0)).toEqual({ done: 'x', tookMs: 0 })
  })

  it.each([
    [0, 'Unreachable'],
    [429, 'TooManyRequests'],
    [503, 'ServiceUnavailable'],
  ])('looks again after %d', async (status, reason) => {
    expect(await waiting([failed(status, reason), { done: 'x' }])).toMatchObject({ done: 'x' })
  })

  it.each([failed(403, 'Forbidden'), new CommandError('deleted')])('gives up on %s', async (error) => {
    await expect(waiting([error, { done: 'x' }])).rejects.toBe(error)
  })
})

describe('formatElapsed', () => {
  it('has tenths of a second', () => {
    expect(formatElapsed(1449)).toBe('1.4 s')
  })
})
