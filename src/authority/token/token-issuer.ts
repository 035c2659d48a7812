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
  /** The issuer of the cluster level, and whose tokens share one. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  /** How long a token lives where nothing ends it sooner, in milliseconds: a minute to an hour. */
  readonly lifetimeMs: number
  readonly keys: IssuingKeys
  readonly revocations: Pick<Revocations, 'has' | 'ready'>
  readonly clock: Clock
  /** Most memory for tokens that may be given out again, in bytes, roughly; 24 MiB by default, for about 15,000. */
  readonly reusedBytes?: number
}

/** What is asked for, and has been found to be granted. */
export interface Grantable {
  readonly caller: Caller
  readonly profile: Profile
  readonly audience: string
  /** Space-separated, of an access token; empty for none. */
  readonly scope: string
}

export interface IssuedToken {
  readonly token: string
  /** Whole seconds that it still lives. */
  readonly expiresIn: number
  readonly reused: boolean
}

/** The part of a token's life in which it is given out again. */
const reusedPart = 1 / 4
const retryAfter = 2
/** What an entry takes besides its texts, in bytes. */
const overhead = 600

/**
 * Signs tokens with the authority's own key for callers that have proved who they are. None outlives the proof. The same
 * caller that asks for the same gets the same token again in the first quarter of its life, so that a restarting fleet
 * costs few signatures; not one that is revoked, that another key has signed, or that outlives this very proof.
 */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions
  readonly #mint = new SampledMinter()
  readonly #issued: LRUCache<string, MintedToken>

  constructor(options: TokenIssuerOptions) {
    this.#options = options
    this.#issued = new LRUCache({ maxSize: options.reusedBytes ?? 24 * 1024 * 1024 })
  }

  /** Rejects with an OAuthError with `temporarily_unavailable` while there is no key, or revocations are not read. */
  async issue(wanted: Grantable): Promise<IssuedToken> {
    const { keys, revocations, clock } = this.#options
    const key = keys.active()
    if (key === undefined || !revocations.ready()) throw unavailable('no-key')
    const now = clock.now()
    const name = nameOf(wanted)
    const known = this.#issued.get(name)
    if (known !== undefined && known.keyID === key.signer.keyID && this.#mayBeReused(known, wanted.caller, now)) {
      return { token: known.token, expiresIn: secondsLeft(known, now), reused: true }
    }
    const minted = await this.#mint.mint({ ...key, claims: this.#claimsOf(wanted, now), profile: wanted.profile })
    // Everything of this subject up to a time to come has been revoked: until then it gets none.
    if (revocations.has(minted)) throw unavailable('revoked')
    this.#issued.set(name, minted, { size: name.length + 2 * minted.token.length + overhead })
    return { token: minted.token, expiresIn: secondsLeft(minted, now), reused: false }
  }

  #mayBeReused(token: MintedToken, { expiresAt }: Caller, now: number): boolean {
    const { iat, exp } = token.claims
    const until = (iat + (exp - iat) * reusedPart) * SECOND
    return now < until && now >= iat * SECOND && exp * SECOND <= expiresAt && !this.#options.revocations.has(token)
  }

  #claimsOf({ caller, audience, profile, scope }: Grantable, now: number) {
    const { issuer, issuerScope, lifetimeMs } = this.#options
    const begin = Math.floor(now / SECOND) * SECOND
    const left = caller.expiresAt - begin
    // A token of less than a second has no life in the whole seconds of its claims.
    if (left < SECOND) {
      throw new OAuthError('invalid_request', 'the proof is about to expire: send a fresh one', { reason: 'expiring' })
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

/** No subject, profile or audience of ours has a line break in it. */
function nameOf({ caller, profile, audience, scope }: Grantable): string {
  return `${caller.subject}\n${profile}\n${audience}\n${scope}`
}

function secondsLeft({ claims }: MintedToken, now: number): number {
  return claims.exp - Math.floor(now / SECOND)
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'no token can be issued now', { retryAfter, reason })
}
