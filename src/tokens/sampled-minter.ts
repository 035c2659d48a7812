import type { PublicJwk } from '../keys/public-jwk.ts'
import { checkClaims } from './check-claims.ts'
import { type MintedToken, type MintInput, mintToken, signToken } from './mint.ts'
import { TokenError } from './token-error.ts'

/** One signature in so many is verified. */
const interval = 64

/**
 * Mints many tokens with few keys. As `mintToken` it hands out nothing that a relying party would refuse, at a lower
 * price: verifying an ES256 signature takes twice as long as making one.
 * - What differs from token to token, the claims, is judged for every token, before it is signed.
 * - What is the same for all tokens of a key, that its two halves belong together and are of the algorithm that the
 *   header names, is proved by verifying the first token whole. Not before that has held is any other handed out.
 * - A signer that fails later, as memory does, is found within 64 tokens, and from then on every token is verified
 *   until one holds. What it signed in between verifies nowhere: a nuisance, never a wrong allow.
 */
export class SampledMinter {
  /** By key, how many more may be signed before one is verified again. */
  readonly #trusted = new WeakMap<PublicJwk, number>()

  /** Throws TokenError where the token would not be accepted. */
  async mint(input: MintInput): Promise<MintedToken> {
    const { publicJwk, claims, profile, signer } = input
    const left = this.#trusted.get(publicJwk) ?? 0
    if (left === 0) {
      const minted = await mintToken(input)
      this.#trusted.set(publicJwk, interval - 1)
      return minted
    }
    this.#trusted.set(publicJwk, left - 1)
    if (signer.keyID !== publicJwk.kid || signer.algorithm !== publicJwk.alg) {
      throw new TokenError('ERR_TOKEN_KEY_UNKNOWN', 'the signer is not of the published key')
    }
    if (publicJwk.sub !== undefined && publicJwk.sub !== claims.sub) {
      throw new TokenError('ERR_TOKEN_SUBJECT', 'the key may not sign for the subject', { claim: 'sub' })
    }
    const audience = typeof claims.aud === 'string' ? claims.aud : claims.aud[0]
    checkClaims(claims, { issuer: claims.iss, audience, now: claims.iat * 1000, skewMs: 0, profile })
    return signToken(input)
  }
}
