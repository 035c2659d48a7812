import { setTimeout as sleep } from 'node:timers/promises'

export interface Tally {
  calls: number
  /** What each said; the code first, where the system gave one: ECONNRESET has many wordings. */
  failures: string[]
  /** Milliseconds of the slowest call. */
  slowestMs: number
}

/**
 * Makes a call `perSecond` times a second, however long each takes, for as long as `meanwhile` runs. Every call is
 * counted; none is repeated.
 */
export async function steadily(
  perSecond: number,
  call: () => Promise<unknown>,
  meanwhile: () => Promise<unknown>,
): Promise<Tally> {
  const tally: Tally = { calls: 0, failures: [], slowestMs: 0 }
  const under = new Set<Promise<void>>()
  const over = new AbortController()
  const load = (async () => {
    const began = performance.now()
    while (!over.signal.aborted) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond) + 1
      while (tally.calls < due) {
        tally.calls += 1
        const one = measured(call, tally).finally(() => under.delete(one))
        under.add(one)
      }
      await sleep(1000 / perSecond)
    }
  })()
  try {
    await meanwhile()
  } finally {
    over.abort()
    await load
    await Promise.all(under)
  }
  return tally
}

async function measured(call: () => Promise<unknown>, tally: Tally): Promise<void> {
  const began = performance.now()
  try {
    await call()
  } catch (error) {
    tally.failures.push(described(error))
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - began)
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? `${String(error.code)}: ${error.message}` : error.message
}
