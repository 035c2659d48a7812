import { setTimeout as sleep } from 'node:timers/promises'

/** What `look` gives, as soon as it no longer throws; its last error after `limitMs`. */
export async function eventually<T>(look: () => T | Promise<T>, limitMs = 5_000, everyMs = 10): Promise<T> {
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
