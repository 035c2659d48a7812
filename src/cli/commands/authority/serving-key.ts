import { readFileSync } from 'node:fs'
import type { Clock } from '../../../time/clock.ts'
import { MINUTE } from '../../../time/duration.ts'

/** The interval between reads of the file, in milliseconds. */
const secretMs = MINUTE

/**
 * A secret that only the authority's replicas have: the private key of the serving certificate, which all of them mount.
 * Read again every minute, because the certificate is renewed. Until two replicas have the same key, shared entries are
 * misses. Undefined while the file is unreadable.
 */
export function servingKey(file: string, clock: Clock): () => Uint8Array | undefined {
  let known: Uint8Array | undefined
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.monotonic()
    if (now - readAt < secretMs) return known
    readAt = now
    try {
      const read = readFileSync(file)
      if (known === undefined || !read.equals(known)) known = read
    } catch {
      known = undefined
    }
    return known
  }
}
