import { decodeJwt, decodeProtectedHeader } from 'jose'
import { SECOND } from '../../../src/time/duration.ts'
import { formatSpiffeId } from '../../../src/identity/spiffe-id.ts'
import type { KeySlot } from '../../../src/keys/key-ring/key-ring.ts'
import { createSigner } from '../../../src/keys/signer.ts'
import type { SigningKey } from '../../../src/keys/signing-key.ts'
import { buildClaims } from '../../../src/tokens/claims.ts'
import { mintToken, newTokenID } from '../../../src/tokens/mint.ts'
import { audience, hostileExhibits, lifetimeMs, type Speaker } from './exhibits.ts'
import { type SigningKeys, signingKeyOf } from './signing-keys.ts'
import type { Exhibit } from './verdicts.ts'

export const validSamples = {
  fresh: 'signed just now',
  first: 'the first of a fresh key',
  mounted: 'as the controller mounted it',
  retired: 'of a retired key',
} as const
export const deletedSample = 'key of a deleted identity'

interface Remembered {
  readonly identity: string
  readonly exhibit: Exhibit
  readonly expiresAt: number
}

export interface RoundsOptions {
  readonly issuer: string
  readonly namespace: string
  /** Identities whose tokens are shown in turn. */
  readonly identities: readonly string[]
  readonly keys: Pick<SigningKeys, 'active' | 'isRetired' | 'mounted'>
  /** A key of nobody. */
  readonly unpublished: SigningKey
}

/** What is shown each second, and at once when a fresh key may sign. */
export class Rounds {
  private readonly options: RoundsOptions
  private readonly remembered: Remembered[] = []
  private count = 0
  private stolen: Speaker | undefined
  private stolenIsShown = false

  constructor(options: RoundsOptions) {
    this.options = options
  }

  /** Takes the key of an identity that is about to be deleted. */
  steal(identity: string): void {
    this.stolen = this.speaker(identity)
  }

  /** From now on no copy that is young enough to be used has the stolen key: its tokens are to be refused. */
  showStolen(): void {
    this.stolenIsShown = true
  }

  /** A round: valid tokens of one identity, hostile ones made of them. */
  async next(now: number): Promise<Exhibit[]> {
    const { identities, unpublished } = this.options
    const identity = identities[this.count % identities.length] ?? ''
    const stranger = identities[(this.count + 1) % identities.length] ?? ''
    this.count += 1
    const speaker = this.speaker(identity)
    return [
      await this.valid(identity, speaker, validSamples.fresh, now),
      ...this.mounted(identity),
      ...this.retired(now),
      ...(await hostileExhibits(speaker, this.speaker(stranger), unpublished, now)),
      ...(await this.byThief(now)),
    ]
  }

  /** The first token of a key that may sign since a moment ago: no copy could be more out of date for it. */
  async first(identity: string, slot: KeySlot, now: number): Promise<Exhibit[]> {
    const key = signingKeyOf(slot)
    if (key === undefined) return []
    return [await this.valid(identity, { ...this.named(identity), key }, validSamples.first, now)]
  }

  private speaker(identity: string): Speaker {
    const key = this.options.keys.active(identity)
    if (key === undefined) throw new Error(`identity ${identity} has no active key`)
    return { ...this.named(identity), key }
  }

  private named(identity: string): Omit<Speaker, 'key'> {
    const { issuer, namespace } = this.options
    const subject = formatSpiffeId({ trustDomain: 'cluster.local', namespace, name: identity })
    return { issuer, subject }
  }

  private async valid(identity: string, speaker: Speaker, sample: string, now: number): Promise<Exhibit> {
    const exhibit = { ...(await mint(speaker, now)), sample, subject: speaker.subject }
    this.remembered.push({ identity, exhibit, expiresAt: now + lifetimeMs })
    return exhibit
  }

  private mounted(identity: string): Exhibit[] {
    const token = this.options.keys.mounted(identity)
    if (token === undefined) return []
    const { subject } = this.named(identity)
    const { jti: tokenID = '' } = decodeJwt(token)
    const { kid: keyID = '' } = decodeProtectedHeader(token)
    return [{ token, sample: validSamples.mounted, tokenID, keyID, subject }]
  }

  /** The token that expires first of those whose key has been followed by another. */
  private retired(now: number): Exhibit[] {
    const alive = this.remembered.filter(({ expiresAt }) => expiresAt > now + 15 * SECOND)
    this.remembered.splice(0, this.remembered.length, ...alive)
    const found = alive.find(({ identity, exhibit }) => this.options.keys.isRetired(identity, exhibit.keyID))
    return found === undefined ? [] : [{ ...found.exhibit, sample: validSamples.retired }]
  }

  private async byThief(now: number): Promise<Exhibit[]> {
    if (this.stolen === undefined || !this.stolenIsShown) return []
    return [{ ...(await mint(this.stolen, now)), sample: deletedSample }]
  }
}

/** As the controller mints: by the same code, with the key that is active in the ring. */
async function mint({ issuer, subject, key }: Speaker, now: number) {
  const { keyID, publicJwk, privateJwk } = key
  const signer = createSigner({ keyID, algorithm: publicJwk.alg, privateJwk })
  const profile = 'JWT-SVID'
  const tokenID = newTokenID()
  const claims = buildClaims({ issuer, subject, audience, issuedAt: now, lifetimeMs, tokenID, profile })
  const { token } = await mintToken({ signer, claims, profile, publicJwk })
  return { token, tokenID, keyID }
}
