import { describe, expect, it } from 'vitest'
import { sharedRendering } from '../../src/telemetry/shared-rendering.ts'

describe('a shared rendering', () => {
  it('is made once for all who ask while it is made and for a second after', async () => {
    let made = 0
    let now = 0
    const finish: ((text: string) => void)[] = []
    const render = sharedRendering(() => new Promise<string>((resolve) => void ((made += 1), finish.push(resolve))), {
      holdMs: 1000,
      now: () => now,
    })
    const early = [render(), render()]
    now = 5000
    early.push(render())
    finish[0]?.('first')
    expect(await Promise.all(early)).toEqual(['first', 'first', 'first'])
    now = 5999
    expect(await render()).toBe('first')
    expect(made).toBe(1)
    now = 6000
    const late = render()
    finish[1]?.('second')
    expect(await late).toBe('second')
  })

  it('is not kept where it failed', async () => {
    let attempts = 0
    const render = sharedRendering(
      async () => {
        attempts += 1
        if (attempts === 1) throw new Error('once')
        return 'text'
      },
      { holdMs: 1000 },
    )
    await expect(render()).rejects.toThrow('once')
    expect(await render()).toBe('text')
  })
})
