import { setTimeout as sleep } from 'node:timers/promises'

export interface Wait {
  /** Completes the sentence "waited 30 s for …". */
  what: string
  limitMs: number
  everyMs?: number
  /** True when the wait is over. An error that it throws counts as "not yet"; the error of a timeout contains it. */
  until: () => Promise<boolean>
  /** Ends the wait early: a process that it depends on is gone. */
  gaveUp?: () => Promise<Error | undefined>
}

/** Asks again and again; every wait has a limit and says what it waited for. */
export async function waitFor({ what, limitMs, everyMs = 200, until, gaveUp }: Wait): Promise<void> {
  const deadline = Date.now() + limitMs
  let last: unknown
  for (;;) {
    try {
      if (await until()) return
      last = undefined
    } catch (error) {
      last = error
    }
    const reason = await gaveUp?.()
    if (reason) throw reason
    if (Date.now() >= deadline) {
      throw new Error(`waited ${Math.round(limitMs / 1000)} s for ${what}`, last === undefined ? {} : { cause: last })
    }
    await sleep(everyMs)
  }
}
