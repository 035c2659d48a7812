import type { Algorithm } from '../../src/keys/algorithm.ts'
import { parsePublicJwk } from '../../src/keys/public-jwk.ts'
import { generateSigningKey, type SigningKey } from '../../src/keys/signing-key.ts'

/** RSA keys take their time: those that one history has used are used again by the next. */
const made: Partial<Record<Algorithm, Promise<SigningKey>[]>> = {}

/** Fresh keys for one history: within it no key is given out twice. */
export function keySupply(): typeof generateSigningKey {
  const used: Partial<Record<Algorithm, number>> = {}
  return async (algorithm, subject) => {
    if (algorithm !== 'RS256' && algorithm !== 'PS256') return generateSigningKey(algorithm, subject)
    const index = used[algorithm] ?? 0
    used[algorithm] = index + 1
    const pool = (made[algorithm] ??= [])
    const key = await (pool[index] ??= generateSigningKey(algorithm))
    return subject === undefined ? key : { ...key, publicJwk: parsePublicJwk({ ...key.publicJwk, sub: subject }) }
  }
}
