import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { identify, isAlive, parseStat, signal } from '../../tools/cluster/process-identity.ts'

const after = 'S 1 1 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 8675309 1000 200'

describe('parseStat', () => {
  it.each(['(node)', '(a b)', '(a) S 1 (b)', '(:-))'])(
    'finds state and start time after the command name %s',
    (name) => {
      expect(parseStat(`42 ${name} ${after}`)).toEqual({ state: 'S', startTime: 8675309 })
    },
  )

  it.each(['', '42', '42 (node) S 1'])('gives nothing for %j', (text) => {
    expect(parseStat(text)).toBeUndefined()
  })
})

describe('a process identity', () => {
  it('is alive as long as its process and dead for a pid that another process took over', () => {
    const own = identify(process.pid)!
    expect(isAlive(own)).toBe(true)
    expect(isAlive({ ...own, startTime: own.startTime - 1 })).toBe(false)
  })

  it('never lets a signal through to a process that took over the pid', async () => {
    const child = spawn('sleep', ['30'])
    const identity = identify(child.pid!)!
    expect(signal({ ...identity, startTime: identity.startTime + 1 }, 'SIGKILL')).toBe(false)
    expect(isAlive(identity)).toBe(true)
    expect(signal(identity, 'SIGKILL')).toBe(true)
    await once(child, 'exit')
    expect(isAlive(identity)).toBe(false)
  })
})
