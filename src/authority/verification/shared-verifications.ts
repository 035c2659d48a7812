import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { SharedCache } from '../shared-cache/shared-cache.ts'

interface SharedVerificationsOptions {
  readonly cache: Pick<SharedCache, 'get' | 'set'>
  /** What every replica knows and nobody else: undefined while there is none, and then nothing is shared. */
  readonly secret: () => Uint8Array | undefined
  /** Longest wait for the cache, in milliseconds; verifying a signature takes a tenth of one. */
  readonly patienceMs?: number
}

interface SharedVerification {
  /** Whether another replica has found the signature to hold. */
  readonly holds: boolean
  /** Tells the others that it holds, for as long as the token lives. Nothing waits for it. */
  readonly tell: (ttlMs: number) => void
}

/**
 * What one replica tells the others through the shared cache: that the signature of a token has been verified. An entry
 * is named by the token's fingerprint and is a MAC over it, under a key that only the authority's replicas can derive:
 * whoever else writes into the cache can neither make a token good nor take a good one away. It holds nothing of the token,
 * and vouches for the signature alone; claims, expiry, keys, revocation and audience are judged by every replica itself.
 */
export class SharedVerifications {
  readonly #options: Required<SharedVerificationsOptions>
  #derived: { readonly secret: Uint8Array; readonly key: Uint8Array } | undefined

  constructor(options: SharedVerificationsOptions) {
    this.#options = { patienceMs: 10, ...options }
  }

  /** What is shared about the signature of a token by the key of this kid. Never rejects. */
  async look(kid: string, fingerprint: string): Promise<SharedVerification> {
    const expected = this.#mac(kid, fingerprint)
    if (expected === undefined) return { holds: false, tell: () => undefined }
    const { cache, patienceMs } = this.#options
    const name = `verified:1:${fingerprint}`
    const found = await inTime(cache.get(name), patienceMs)
    return {
      holds: found !== undefined && isSame(found, expected),
      tell: (ttlMs) => {
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

/** In constant time for texts of the same length. */
function isSame(found: string, expected: string): boolean {
  const [one, other] = [Buffer.from(found), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Undefined where the promise takes longer. */
async function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), limitMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
