import { createSigner } from '../../../src/keys/signer.ts'
import { generateSigningKey, type SigningKey } from '../../../src/keys/signing-key.ts'
import { MINUTE } from '../../../src/time/duration.ts'
import { buildClaims, type ClaimsInput } from '../../../src/tokens/claims.ts'
import { newTokenID, signToken } from '../../../src/tokens/mint.ts'
import { type AuthorityStage, issuer, subjectOf } from './stage.ts'

type Differences = Partial<Pick<ClaimsInput, 'issuer' | 'subject' | 'audience' | 'issuedAt' | 'lifetimeMs'>>

/** Signs tokens with given keys: by default a valid one of `orders` that is meant for `payments`. */
export class Tokens {
  readonly #stage: Pick<AuthorityStage, 'keys'>
  readonly #stranger: SigningKey

  private constructor(stage: Pick<AuthorityStage, 'keys'>, stranger: SigningKey) {
    this.#stage = stage
    this.#stranger = stranger
  }

  static async of(stage: Pick<AuthorityStage, 'keys'>): Promise<Tokens> {
    return new Tokens(stage, await generateSigningKey('ES256', subjectOf('orders')))
  }

  live(differences: Differences = {}): Promise<string> {
    return signed(this.#stage.keys.orders, differences)
  }

  /** With which `payments` proves who it is. */
  proof(): Promise<string> {
    return signed(this.#stage.keys.payments, { subject: subjectOf('payments'), audience: issuer })
  }

  expired(): Promise<string> {
    return this.live({ issuedAt: Date.now() - 20 * MINUTE })
  }

  /** What nobody may take for a token of `orders`, each in another way. */
  async foreign(): Promise<string[]> {
    const stranger = this.#stranger
    const borrowed = { ...stranger, keyID: this.#stage.keys.orders.keyID }
    return Promise.all([
      // Issued a while ago: a fresh token of an unknown key might be valid and would be answered 503.
      signed(stranger, { issuedAt: Date.now() - 2 * MINUTE }),
      signed(borrowed),
      signed(this.#stage.keys.payments),
      this.live({ issuer: 'https://other.example' }),
      this.live({ subject: 'spiffe://other.example/ns/shop/sa/orders' }),
    ])
  }
}

async function signed(key: SigningKey, differences: Differences = {}): Promise<string> {
  const { keyID, publicJwk, privateJwk } = key
  const claims = buildClaims({
    issuer,
    subject: subjectOf('orders'),
    audience: 'payments',
    issuedAt: Date.now(),
    lifetimeMs: 10 * MINUTE,
    tokenID: newTokenID(),
    profile: 'JWT-SVID',
    ...differences,
  })
  const signer = createSigner({ keyID, algorithm: publicJwk.alg, privateJwk })
  return (await signToken({ signer, claims, profile: 'JWT-SVID' })).token
}
