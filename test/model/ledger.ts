import { formatTime } from '../../src/time/clock.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { identitySecretType, keyRingSecretType } from '../../src/identity/workload.ts'
import type { KeyRing } from '../../src/keys/key-ring/key-ring.ts'
import { type ConfigMap, publishedKeys } from '../../src/kube/keys/config-map-public-key-store.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { keyRetention } from '../../src/rotation/lifetimes.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { settings } from '../builders/identity-controller.ts'
import type { Change } from '../fakes/api-server-storage.ts'
import { clockError, type PublishedKey, PublishedSets } from './published-sets.ts'

interface DeliveredToken {
  readonly label: string
  readonly uid: string
  readonly key: PublishedKey
  readonly keyID: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/** What the ledger has to know of the world it watches. */
export interface Surroundings {
  /** True time, which only ever goes on: copies age by it. */
  readonly time: () => number
  /** What clocks say, but for the error of each. */
  readonly wall: () => number
  /** As the spec has it that the writing process went by. */
  readonly publishAhead: () => number
  /** uid of the identity that exists. */
  readonly livingUid: () => string | undefined
  /** Whether clocks have been set back since the writing process read the identity. */
  readonly setBackMeanwhile: () => boolean
  /** Whether another client is writing now. */
  readonly foreign: () => boolean
}

/**
 * Writes down every set ever published and every token ever delivered, and asks after each single write whether the
 * invariants hold: between any two writes is wherever a process can be killed.
 */
export class Ledger {
  readonly violations: string[] = []
  readonly sets = new PublishedSets()
  readonly #around: Surroundings
  readonly #alive = new Map<string, DeliveredToken>()
  readonly #known = new Set<string>()
  readonly #revoked = new Set<string>()
  readonly #active = new Set<string>()
  #urgent: ReadonlySet<string> = new Set()
  /** The keys of the ring as stored. */
  #inRing: readonly string[] = []

  constructor(around: Surroundings) {
    this.#around = around
  }

  get tokens(): number {
    return this.#known.size
  }

  note({ type, collection, object }: Change): void {
    const { time, foreign, publishAhead } = this.#around
    if (collection === 'configmaps') {
      const set = type === 'DELETED' ? undefined : object
      const damaged = foreign() || (this.sets.current.damaged && !this.#isWhole(set))
      const orphaned = this.#around.livingUid() === undefined
      const about = { time: time(), publishAhead: publishAhead(), damaged, orphaned }
      for (const wrong of this.sets.publish(set, about)) this.#violated('I4', wrong)
    }
    if (collection === 'secrets' && type !== 'DELETED' && !foreign()) {
      const secret: Secret = object
      if (secret.type === keyRingSecretType) this.#ring(secret)
      if (secret.type === identitySecretType) this.#delivered(secret)
    }
    this.#flag()
    this.ask()
  }

  /** A token that was handed out without being stored anywhere; times in milliseconds since the epoch. */
  issued(token: { readonly keyID: string; readonly issuedAt: number; readonly expiresAt: number }): void {
    const label = `token ${this.#known.size + 1}`
    this.#known.add(label)
    const [key, uid] = [this.sets.key(token.keyID), this.#around.livingUid()]
    if (key === undefined || uid === undefined) this.#violated('I4', `${label} is signed by a key never published`)
    else if (!this.#revoked.has(token.keyID)) this.#alive.set(label, { label, uid, key, ...token })
    this.ask()
  }

  /** From now on nobody answers for what this key has signed. */
  revoked(keyID: string): void {
    this.#revoked.add(keyID)
    for (const [label, token] of this.#alive) if (token.keyID === keyID) this.#alive.delete(label)
  }

  /** I1 of every token that is alive, by what is published and by every copy that a verifier may still hold. */
  ask(): void {
    const [time, wall, uid] = [this.#around.time(), this.#around.wall(), this.#around.livingUid()]
    for (const [tokenID, { label, key, keyID, ...token }] of this.#alive) {
      // A clock set back by more than keys are retained made it a token of another time: refused as such, and replaced.
      const ofAnotherTime = token.issuedAt > wall + keyRetention - MINUTE
      if (token.expiresAt <= wall || token.uid !== uid || ofAnotherTime) {
        this.#alive.delete(tokenID)
        continue
      }
      const set = this.sets.copiesFor(key, time).find(({ keys }) => keys.get(keyID) !== key.jwk)
      if (set === undefined) continue
      const where = set === this.sets.current ? 'what is published' : `a copy of ${seconds(time - set.to)} ago`
      this.#violated('I1', `${label} of ${key.label}, valid until ${formatTime(token.expiresAt)}, fails by ${where}`)
    }
  }

  /**
   * Whether a set that another client deleted is back. A process that has hung since may put a set of the past in its
   * place, since there is nothing to compare with; the leader's next reconcile repairs that.
   */
  #isWhole(configMap: ConfigMap | undefined): boolean {
    const published = new Set((configMap && publishedKeys(configMap))?.map(({ kid }) => kid))
    return this.#inRing.every((keyID) => published.has(keyID))
  }

  #ring(secret: Secret): void {
    const { slots } = JSON.parse(secretText(secret, 'ring.json') ?? '') as KeyRing
    this.#inRing = slots.flatMap(({ keyID, state }) => (state === 'Revoked' ? [] : keyID))
    this.#urgent = new Set(slots.flatMap(({ keyID, urgent }) => (urgent === true ? [keyID] : [])))
    if (slots.filter(({ state }) => state === 'Active').length !== 1)
      this.#violated('I4', 'not exactly one key is active')
    for (const { keyID, state, publishedAt, privateJwk } of slots) {
      const key = this.sets.key(keyID)
      // A publication that was lost counts anew from when it is back.
      if (key !== undefined && publishedAt === undefined) key.recorded = false
      if (key?.recorded === false && publishedAt !== undefined) {
        key.publishAhead = this.#around.publishAhead()
        key.recorded = true
      }
      if (state === 'Active' && !this.#active.has(keyID)) this.#activated(keyID)
      if (state === 'Retired' && privateJwk !== undefined) this.#violated('I3', 'a retired key keeps its private half')
    }
  }

  /** I4: only what every copy younger than publishAhead has may begin to sign. */
  #activated(keyID: string): void {
    this.#active.add(keyID)
    const key = this.sets.key(keyID)
    if (this.#urgent.has(keyID)) return
    if (key === undefined) {
      this.#violated('I4', 'a key that was never published becomes active')
      return
    }
    const published = this.#around.time() - key.publishedAt
    if (published < key.publishAhead - 2 * clockError) {
      const wanted = seconds(key.publishAhead)
      this.#violated('I4', `${key.label} becomes active ${seconds(published)} after its publication, wanted: ${wanted}`)
    }
  }

  #delivered(secret: Secret): void {
    const uid = secret.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? ''
    for (const file of Object.keys(secret.data ?? {}).filter((name) => name.endsWith('.jwt'))) {
      const text = secretText(secret, file) ?? ''
      const { header, claims } = decodeToken(text)
      const [tokenID, keyID] = [String(claims.jti), String(header.kid)]
      if (this.#known.has(tokenID)) continue
      this.#known.add(tokenID)
      const label = `token ${this.#known.size} (${file})`
      const [issuedAt, expiresAt] = [Number(claims.iat) * SECOND, Number(claims.exp) * SECOND]
      // A process that was paused may deliver what has expired meanwhile, what clocks set back meanwhile make too early,
      // or an identity's that is gone. The leader's next reconcile replaces it.
      const wall = this.#around.wall()
      const early = issuedAt > wall + MINUTE && this.#around.setBackMeanwhile()
      if (uid === this.#around.livingUid() && expiresAt > wall && !early) this.#verified(label, text, keyID)
      const key = this.sets.key(keyID)
      if (key === undefined) continue
      this.#alive.set(tokenID, { label, uid, key, keyID, issuedAt, expiresAt })
    }
  }

  /** As a verifier does it; afterwards it is enough that the very same key is there. */
  #verified(label: string, text: string, keyID: string): void {
    if (this.sets.current.damaged) return
    const keys = (kid: string) => this.sets.jwk(kid)
    try {
      verifyTokenSync(text, { keys, issuer: settings.issuer, audience: undefined, now: this.#around.wall() })
    } catch (error) {
      const key = this.sets.key(keyID)?.label ?? 'a key never published'
      this.#violated('I1', `${label} of ${key} is delivered and fails: ${String(error)}`)
    }
  }

  #flag(): void {
    for (const keyID of this.#urgent) {
      const key = this.sets.key(keyID)
      if (key !== undefined) key.urgent = true
    }
  }

  #violated(invariant: string, what: string): void {
    this.violations.push(`${invariant}: ${what}`)
  }
}

function seconds(milliseconds: number): string {
  return `${milliseconds / SECOND} s`
}
