import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { SharedCache } from '../shared-cache/shared-cache.ts'

interface SharedVerificationsOptions {
  readonly cache: Pick<SharedCache, 'get' | 'set'>
  /** A secret that only the authority's replicas have; undefined if it is missing, and then nothing is shared. */
  readonly secret: () => Uint8Array | undefined
  /** The longest wait for the cache, in milliseconds; 10 by default. Verifying a signature takes a tenth of one. */
  readonly patienceMs?: number
}

interface SharedVerification {
  /** Whether another replica has verified the signature. */
  readonly holds: boolean
  /** Shares the verified signature for the lifetime of the token, without waiting for the cache. */
  readonly share: (ttlMs: number) => void
}

/**
 * Shares verified signatures between replicas through the shared cache. The key of an entry is the token's fingerprint and
 * its value a MAC of the fingerprint, keyed by a secret of the replicas, so that a client with write access to the cache
 * can neither make an invalid token valid nor a valid one invalid. An entry contains nothing of the token. It vouches for
 * the signature alone: every replica checks claims, expiry, key, revocation and audience itself.
 */
export class SharedVerifications {
  readonly #options: Required<SharedVerificationsOptions>
  #derived: { readonly secret: Uint8Array; readonly key: Uint8Array } | undefined

  constructor(options: SharedVerificationsOptions) {
    this.#options = { patienceMs: 10, ...options }
  }

  /** Looks up the signature of a token by its `kid` and fingerprint. Never rejects. */
  async look(kid: string, fingerprint: string): Promise<SharedVerification> {
    const expected = this.#mac(kid, fingerprint)
    if (expected === undefined) return { holds: false, share: () => undefined }
    const { cache, patienceMs } = this.#options
    const name = `verified:1:${fingerprint}`
    const found = await inTime(cache.get(name), patienceMs)
    return {
      holds: found !== undefined && isSame(found, expected),
      share: (ttlMs) => {
        if (ttlMs > 0) void cache.set(name, expected, ttlMs)
      },
    }
  }

  #mac(kid: string, fingerprint: string): string | undefined {
    const secret = this.#options.secret()
    if (secret === undefined) return undefined
    if (this.#derived?.secret !== secret) {
      const key = new Uint8Array(hkdfSync('sha256', secret, '', 'signet verified signature 1', 32))
      this.#derived = { secret, key }
    }
    return createHmac('sha256', this.#derived.key).update(`${kid} ${fingerprint}`).digest('base64url')
  }
}

/** Compares in constant time, for texts of equal length. */
function isSame(found: string, expected: string): boolean {
  const [one, other] = [Buffer.from(found), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Resolves with undefined if the promise takes longer than the limit. */
async function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), limitMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
