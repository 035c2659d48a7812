import type { Clock } from '../../time/clock.ts'
import { MINUTE } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { createSigner } from '../../keys/signer.ts'
import type { Logger } from '../../logger.ts'
import type { IssuingKey, IssuingKeys } from './issuing-keys.ts'
import type { ServedKeys } from '../documents/published-documents.ts'
import { issuingSlot, longestUnconfirmed, ringToSignBy } from './decide.ts'
import type { IssuingKeyRingSource } from '../../keys/key-ring/source.ts'

interface IssuingKeyRingOptions {
  readonly source: IssuingKeyRingSource
  readonly served: ServedKeys
  readonly clock: Clock
  readonly logger: Logger
}

/** How long a starting replica waits for its first key before it becomes ready without one, in milliseconds. */
const patience = MINUTE / 2

/**
 * The issuing key of this replica, chosen from the stored key ring and the keys that the replica serves. If the stored
 * ring is damaged or missing, the last good ring stays in use for as long as its key is sure to stay published.
 */
export class IssuingKeyRing implements IssuingKeys {
  readonly #options: IssuingKeyRingOptions
  readonly #startedAt: number
  readonly #stops: readonly (() => void)[]
  #lastGood: SealedKeyRing | undefined
  /** When the last good ring was last confirmed to be the stored one, monotonic; undefined while it still is. */
  #confirmedAt: number | undefined
  #key: IssuingKey | undefined
  #everReady = false
  #reported: string | undefined

  constructor(options: IssuingKeyRingOptions) {
    this.#options = options
    this.#startedAt = options.clock.monotonic()
    const changed = (): void => this.#update()
    this.#stops = [options.source.onChange(changed), options.served.onChange(changed)]
    this.#update()
  }

  active(): IssuingKey | undefined {
    // The passing of time alone activates a key whose activation time was ahead of the clock.
    if (this.#key === undefined || !this.#isConfirmed()) this.#update()
    return this.#isConfirmed() ? this.#key : undefined
  }

  /**
   * Why a starting replica should not receive requests yet; undefined after the first key, and after half a minute
   * without one. If there is no ring, no replica can issue tokens, but all must serve the public keys.
   */
  notReady(): string | undefined {
    const { source, clock } = this.#options
    this.#everReady ||= this.active() !== undefined
    if (this.#everReady || clock.monotonic() - this.#startedAt >= patience) return undefined
    if (source.confirmedAt() === undefined) return 'the issuing key ring has not been read yet'
    return this.#seen() === undefined ? undefined : 'the issuing key is not served yet'
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #update(): void {
    const { source, served, clock } = this.#options
    const seen = this.#seen()
    const evidence = { seen, published: served.issuingKeys(), now: clock.now() }
    const ring = ringToSignBy({ ...evidence, lastGood: this.#lastGood })
    this.#confirmedAt = ring === seen ? undefined : (this.#confirmedAt ?? source.confirmedAt())
    this.#lastGood = ring
    this.#use(ring, evidence.published, evidence.now)
  }

  #use(ring: SealedKeyRing | undefined, published: readonly PublicJwk[], now: number): void {
    const slot = ring === undefined ? undefined : issuingSlot(ring, published, now)
    if (slot?.keyID === this.#key?.signer.keyID) return
    const { keyID, algorithm, privateJwk, publicJwk } = slot ?? {}
    this.#key =
      keyID === undefined || algorithm === undefined || privateJwk === undefined || publicJwk === undefined
        ? undefined
        : { signer: createSigner({ keyID, algorithm, privateJwk }), publicJwk }
    const { logger } = this.#options
    if (this.#key === undefined) logger.warn('no key to issue tokens with')
    else logger.info('issuing tokens with another key', { kid: this.#key.signer.keyID })
  }

  #isConfirmed(): boolean {
    const { source, clock } = this.#options
    const confirmedAt = this.#confirmedAt ?? source.confirmedAt()
    return confirmedAt !== undefined && clock.monotonic() - confirmedAt <= longestUnconfirmed
  }

  /** The stored ring; undefined if it is missing or unreadable. Each error is logged once. */
  #seen(): SealedKeyRing | undefined {
    try {
      const ring = this.#options.source.ring()
      this.#reported = undefined
      return ring
    } catch (error) {
      const reason = messageOf(error)
      if (this.#reported !== reason) this.#options.logger.error('cannot use the issuing key ring', { reason })
      this.#reported = reason
      return undefined
    }
  }
}
