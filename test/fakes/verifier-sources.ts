import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { type Revocation, RevocationSet } from '../../src/tokens/revocation.ts'
import type { KeySource } from '../../src/verifier/sources/jwks-source.ts'
import type { RevocationSource } from '../../src/verifier/sources/revocation-source.ts'
import { VerifierUnavailableError } from '../../src/verifier/sources/verifier-unavailable-error.ts'

/** Keys that a test sets. */
export class HeldKeys implements KeySource {
  version = 0
  reason: string | undefined
  sought: string[] = []
  /** What a load for an unknown kid would bring. */
  onSeek: (kid: string) => Promise<void> = async () => undefined
  #keys = new Map<string, PublicJwk>()

  constructor(...keys: readonly PublicJwk[]) {
    this.set(...keys)
  }

  set(...keys: readonly PublicJwk[]): void {
    this.#keys = new Map(keys.map((key) => [key.kid, key]))
    this.version += 1
  }

  get(kid: string): PublicJwk | undefined {
    return this.#keys.get(kid)
  }

  problem(): string | undefined {
    return this.reason
  }

  async seek(kid: string): Promise<void> {
    if (this.#keys.has(kid)) return
    this.sought.push(kid)
    await this.onSeek(kid)
  }
}

/** Revocations that a test sets. */
export class HeldRevocations implements RevocationSource {
  version = 0
  reason: string | undefined
  #set = new RevocationSet([])

  set(...revocations: readonly Revocation[]): void {
    this.#set = new RevocationSet(revocations)
    this.version += 1
  }

  has(token: Parameters<RevocationSet['has']>[0]): boolean {
    return this.#set.has(token)
  }

  problem(): string | undefined {
    return this.reason
  }

  async settle(): Promise<void> {
    if (this.reason !== undefined) throw new VerifierUnavailableError(this.reason)
  }
}
