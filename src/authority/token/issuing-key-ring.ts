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
import type { OwnKeyRingSource } from '../../keys/key-ring/source.ts'

interface OwnKeysOptions {
  readonly source: OwnKeyRingSource
  readonly served: ServedKeys
  readonly clock: Clock
  readonly logger: Logger
}

/** How long a replica that has just started waits for its first key before it serves without one, in milliseconds. */
const patience = MINUTE / 2

/**
 * The key that the authority signs with, as its own ring says, and what this replica serves. What is stored may be damaged or
 * gone for a while: the last good ring serves on, for as long as its key is sure to stay published.
 */
export class OwnKeys implements IssuingKeys {
  private readonly options: OwnKeysOptions
  private readonly startedAt: number
  private readonly stops: readonly (() => void)[]
  private lastGood: SealedKeyRing | undefined
  /** When the last good ring was last known to be the stored one, monotonic; undefined while it still is. */
  private confirmedAt: number | undefined
  private key: IssuingKey | undefined
  private everReady = false
  private reported: string | undefined

  constructor(options: OwnKeysOptions) {
    this.options = options
    this.startedAt = options.clock.monotonic()
    const changed = (): void => this.look()
    this.stops = [options.source.onChange(changed), options.served.onChange(changed)]
    this.look()
  }

  active(): IssuingKey | undefined {
    // An activation that was ahead of the clock comes about by time alone, with a key before it or without.
    if (this.key === undefined || !this.isConfirmed()) this.look()
    return this.isConfirmed() ? this.key : undefined
  }

  /**
   * Why a replica that has just started should not be sent requests yet: it has still to learn which key signs. Only for
   * half a minute, and never again after the first key. Where there is no ring, no replica can issue, and the public
   * keys have to be served all the same.
   */
  notReady(): string | undefined {
    const { source, clock } = this.options
    this.everReady ||= this.active() !== undefined
    if (this.everReady || clock.monotonic() - this.startedAt >= patience) return undefined
    if (source.toldAt() === undefined) return 'its own key ring has not been read yet'
    return this.seen() === undefined ? undefined : 'its own key is not served yet'
  }

  close(): void {
    for (const stop of this.stops) stop()
  }

  private look(): void {
    const { source, served, clock } = this.options
    const seen = this.seen()
    const evidence = { seen, published: served.authorityKeys(), now: clock.now() }
    const ring = ringToSignBy({ ...evidence, lastGood: this.lastGood })
    this.confirmedAt = ring === seen ? undefined : (this.confirmedAt ?? source.toldAt())
    this.lastGood = ring
    this.take(ring, evidence.published, evidence.now)
  }

  private take(ring: SealedKeyRing | undefined, published: readonly PublicJwk[], now: number) {
    const slot = ring === undefined ? undefined : issuingSlot(ring, published, now)
    if (slot?.keyID === this.key?.signer.keyID) return
    const { keyID, algorithm, privateJwk, publicJwk } = slot ?? {}
    this.key =
      keyID === undefined || algorithm === undefined || privateJwk === undefined || publicJwk === undefined
        ? undefined
        : { signer: createSigner({ keyID, algorithm, privateJwk }), publicJwk }
    const { logger } = this.options
    if (this.key === undefined) logger.warn('no key to issue tokens with')
    else logger.info('issuing tokens with another key', { kid: this.key.signer.keyID })
  }

  private isConfirmed(): boolean {
    const { source, clock } = this.options
    const confirmedAt = this.confirmedAt ?? source.toldAt()
    return confirmedAt !== undefined && clock.monotonic() - confirmedAt <= longestUnconfirmed
  }

  /** The stored ring; undefined where there is none that can be read, which is said once. */
  private seen(): SealedKeyRing | undefined {
    try {
      const ring = this.options.source.ring()
      this.reported = undefined
      return ring
    } catch (error) {
      const reason = messageOf(error)
      if (this.reported !== reason) this.options.logger.error('own key ring cannot be used', { reason })
      this.reported = reason
      return undefined
    }
  }
}
