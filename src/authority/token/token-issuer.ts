import { LRUCache } from 'lru-cache'
import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { issuerOf, type IssuerScope } from '../../identity/issuer.ts'
import { buildClaims, type Profile } from '../../tokens/claims.ts'
import { type MintedToken, newTokenID } from '../../tokens/mint.ts'
import { SampledMinter } from '../../tokens/sampled-minter.ts'
import type { Caller } from '../callers/caller.ts'
import type { IssuingKeys } from './issuing-keys.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import type { Revocations } from '../../tokens/revocations.ts'

interface TokenIssuerOptions {
  /** The cluster-scoped issuer. */
  readonly issuer: string
  /** Which tokens share one `iss`. */
  readonly issuerScope: IssuerScope
  /** The maximum lifetime of a token, in milliseconds: one minute to one hour. */
  readonly lifetimeMs: number
  readonly keys: IssuingKeys
  readonly revocations: Pick<Revocations, 'has' | 'ready'>
  readonly clock: Clock
  /** Approximate memory for reusable tokens, in bytes; 24 MiB by default, about 15,000 tokens. */
  readonly reusedBytes?: number
}

/** A token request that was granted. */
export interface IssuanceRequest {
  readonly caller: Caller
  readonly profile: Profile
  readonly audience: string
  /** The scopes of an access token, separated by spaces; empty for none. */
  readonly scope: string
}

export interface Issuance {
  readonly token: string
  /** The remaining lifetime, in whole seconds. */
  readonly expiresIn: number
  readonly reused: boolean
}

/** The first part of a token's lifetime, in which the token is reused. */
const reusedPart = 1 / 4
/** Retry-After of a 503, in seconds. */
const retryAfter = 2
/** The memory of a cache entry besides its texts, in bytes. */
const overhead = 600

/**
 * Issues tokens to authenticated callers, signed with the issuing key. No token outlives the caller's credential. Within
 * the first quarter of its lifetime a token is reused for equal requests of the same caller, so that a restarting fleet
 * costs few signatures; not if it is revoked, was signed with another key, or outlives the credential presented now.
 */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions
  readonly #mint = new SampledMinter()
  readonly #issued: LRUCache<string, MintedToken>

  constructor(options: TokenIssuerOptions) {
    this.#options = options
    this.#issued = new LRUCache({ maxSize: options.reusedBytes ?? 24 * 1024 * 1024 })
  }

  /** Rejects with `temporarily_unavailable` if there is no issuing key or revocations have not been read. */
  async issue(wanted: IssuanceRequest): Promise<Issuance> {
    const { keys, revocations, clock } = this.#options
    const key = keys.active()
    if (key === undefined || !revocations.ready()) throw unavailable('no-key')
    const now = clock.now()
    const name = cacheKeyOf(wanted)
    const known = this.#issued.get(name)
    if (known !== undefined && known.keyID === key.signer.keyID && this.#mayBeReused(known, wanted.caller, now)) {
      return { token: known.token, expiresIn: secondsLeft(known, now), reused: true }
    }
    const minted = await this.#mint.mint({ ...key, claims: this.#claimsOf(wanted, now), profile: wanted.profile })
    // A TokenRevocation may revoke all tokens of a subject up to a time in the future: until then none is issued.
    if (revocations.has(minted)) throw unavailable('revoked')
    this.#issued.set(name, minted, { size: name.length + 2 * minted.token.length + overhead })
    return { token: minted.token, expiresIn: secondsLeft(minted, now), reused: false }
  }

  #mayBeReused(token: MintedToken, { expiresAt }: Caller, now: number): boolean {
    const { iat, exp } = token.claims
    const until = (iat + (exp - iat) * reusedPart) * SECOND
    return now < until && now >= iat * SECOND && exp * SECOND <= expiresAt && !this.#options.revocations.has(token)
  }

  #claimsOf({ caller, audience, profile, scope }: IssuanceRequest, now: number) {
    const { issuer, issuerScope, lifetimeMs } = this.#options
    const begin = Math.floor(now / SECOND) * SECOND
    const left = caller.expiresAt - begin
    // Claims are in whole seconds: a shorter lifetime would be zero.
    if (left < SECOND) {
      throw new OAuthError('invalid_request', 'the credential is about to expire: send a fresh one', {
        reason: 'expiring',
      })
    }
    return buildClaims({
      issuer: issuerOf(issuer, issuerScope, caller.identity),
      subject: caller.subject,
      audience,
      issuedAt: begin,
      lifetimeMs: Math.min(lifetimeMs, left),
      tokenID: newTokenID(),
      profile,
      scope: scope === '' ? undefined : scope,
    })
  }
}

/** Joined by line breaks, which neither subject, profile, audience nor scope can contain. */
function cacheKeyOf({ caller, profile, audience, scope }: IssuanceRequest): string {
  return `${caller.subject}\n${profile}\n${audience}\n${scope}`
}

function secondsLeft({ claims }: MintedToken, now: number): number {
  return claims.exp - Math.floor(now / SECOND)
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'no token can be issued now', { retryAfter, reason })
}
