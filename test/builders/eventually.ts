import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What `look` gives, as soon as it no longer throws; its last error after `limitMs`. The limit only says what hung: it
 * costs nothing where things go well, and has room for a machine that is many times slower than this one.
 */
export async function eventually<T>(look: () => T | Promise<T>, limitMs = 15_000, everyMs = 10): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    try {
      return await look()
    } catch (error) {
      if (performance.now() > end) throw error
    }
    await sleep(everyMs)
  }
}
