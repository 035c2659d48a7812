import { type Algorithm, algorithms as everyAlgorithm } from '../../keys/algorithm.ts'
import { DAY } from '../../time/duration.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { defaultMaxLifetimeMs } from '../../tokens/check-claims.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import { type Profile, profiles } from '../../tokens/claims.ts'
import type { Mounted } from '../pod/env.ts'
import { isOnIssuerOrigin } from '../http/issuer-origin.ts'
import { type IssuerUrl, parseIssuer } from '../../identity/issuer.ts'
import { type Trust, type TrustOptions, trustOf } from '../http/trust.ts'

/** Whether a token may be accepted without a list of revocations; see `VerifierOptions.revocations`. */
export type RevocationMode = 'required' | 'optional' | 'off'

/** The options of `createVerifier`; only `audience` is required in an injected pod. */
export interface VerifierOptions extends TrustOptions {
  /**
   * The accepted `iss`, compared byte by byte, and the source of keys (OIDC Discovery §4). Default: `SIGNET_ISSUER`.
   */
  readonly issuer?: string
  /** The accepted audience (RFC 7519 §4.1.3): the service's own. */
  readonly audience: string
  /** The accepted algorithms (RFC 7518 §3.1). Default: all that Signet signs with. */
  readonly algorithms?: readonly Algorithm[]
  /** The accepted form of tokens: `JWT-SVID`, or `AccessToken` (RFC 9068). Default: either. */
  readonly profile?: Profile
  /** Tolerated clock difference in milliseconds, at most 60 s. Default: 60 s. */
  readonly skewMs?: number
  /** The longest accepted lifetime (`exp` − `iat`) in milliseconds. Default: 24 h. */
  readonly maxLifetimeMs?: number
  /**
   * When tokens are accepted without a list of revocations. Default: `required`.
   * - `required`: never; verification fails with a VerifierUnavailableError until a list has been loaded.
   * - `optional`: until a list has been loaded, for an authority that serves none.
   * - `off`: always; no list is requested.
   *
   * A loaded list stays in force during an outage of the authority, unless `maxRevocationsAgeMs` limits its age.
   */
  readonly revocations?: RevocationMode
  /** URL of the list of revocations, on the issuer's origin. Default: `<issuer>/revocations`. */
  readonly revocationsUrl?: string
  /** Milliseconds between requests for the list, plus up to 20 % of jitter. Default: 5 s. */
  readonly revocationsRefreshMs?: number
  /**
   * Milliseconds after which an unconfirmed list makes verification fail with a VerifierUnavailableError. Default: no
   * limit.
   */
  readonly maxRevocationsAgeMs?: number
  /** The largest accepted list, in bytes. Default: 16 MiB, enough for `maxRevocations` entries. */
  readonly maxRevocationsBytes?: number
  /** The longest accepted list, in entries; a longer one does not replace the previous list. Default: 100,000. */
  readonly maxRevocations?: number
  /** Milliseconds between requests for the JWK Set, plus up to 20 % of jitter. Default: 60 s. */
  readonly keysRefreshMs?: number
  /**
   * Milliseconds between two requests for unknown keys if the first was in vain, and after a failed request. Default:
   * 30 s. After a successful request a tenth of it applies.
   */
  readonly keysCoolDownMs?: number
  /**
   * Milliseconds after which an unconfirmed JWK Set makes verification fail with a VerifierUnavailableError. Default:
   * no limit.
   */
  readonly maxKeysAgeMs?: number
  /** The largest accepted JWK Set, in bytes. Default: 8 MiB, enough for 15,000 identities. */
  readonly maxKeysBytes?: number
  /** Approximate memory for verified tokens, in bytes; 0 disables the cache. Default: 16 MiB. */
  readonly maxCacheBytes?: number
  /** Limits one request, in milliseconds, at most 5 s. Default: 5 s. */
  readonly timeoutMs?: number
  /** Logs when keys or revocations become unavailable, and when they are available again. Default: no log. */
  readonly logger?: Logger
  /** Accepts an issuer at `http://127.0.0.1` as well. For tests. */
  readonly allowHttpLoopback?: boolean
}

/** The checked options with their defaults. Times in milliseconds, sizes in bytes. */
interface VerifierSettings {
  readonly issuer: IssuerUrl
  readonly audience: string
  readonly algorithms: readonly Algorithm[]
  readonly profile: Profile | undefined
  readonly skewMs: number
  readonly maxLifetimeMs: number
  readonly trust: Trust
  readonly timeoutMs: number
  readonly logger: Logger
  readonly maxCacheBytes: number
  readonly keys: Readonly<Record<'refreshMs' | 'coolDownMs' | 'maxAgeMs' | 'maxBytes', number>>
  readonly revocations:
    | (Readonly<Record<'refreshMs' | 'maxAgeMs' | 'maxBytes' | 'maxEntries', number>> & {
        readonly url: string
        readonly optional: boolean
      })
    | undefined
}

const MiB = 1024 * 1024
const mostBytes = 512 * MiB
const mostTimeoutMs = 5000

/** Throws a TypeError that names the invalid option. */
export function settingsOf(options: VerifierOptions, pod: Mounted): VerifierSettings {
  const { audience, algorithms = everyAlgorithm, profile, revocations = 'required', logger = silentLogger } = options
  const issuer = parseIssuer(required(options.issuer ?? pod.issuer, 'issuer'), options)
  if (algorithms.length === 0 || !algorithms.every((one) => everyAlgorithm.includes(one))) {
    throw new TypeError(`algorithms is not a list of some of ${everyAlgorithm.join(', ')}`)
  }
  if (profile !== undefined && !profiles.includes(profile))
    throw new TypeError(`profile is not one of ${profiles.join(', ')}`)
  if (!['required', 'optional', 'off'].includes(revocations)) {
    throw new TypeError("revocations is not 'required', 'optional' or 'off'")
  }
  const number = (name: NumberOption, usual: number, least = 1, most = Number.POSITIVE_INFINITY): number => {
    const value = options[name] ?? usual
    if (value >= least && value <= most) return value
    throw new TypeError(`${name} of ${value} is not between ${least} and ${most}`)
  }
  const url = options.revocationsUrl ?? `${issuer.base}/revocations`
  if (!isOnIssuerOrigin(url, issuer)) throw new TypeError("revocationsUrl is not on the issuer's origin")
  return {
    issuer,
    audience: required(audience, 'audience'),
    algorithms,
    profile,
    skewMs: number('skewMs', clockTolerance, 0, clockTolerance),
    maxLifetimeMs: number('maxLifetimeMs', defaultMaxLifetimeMs),
    trust: trustOf(options, pod.trustBundleFile),
    timeoutMs: number('timeoutMs', mostTimeoutMs, 1, mostTimeoutMs),
    logger,
    maxCacheBytes: Math.floor(number('maxCacheBytes', 16 * MiB, 0, 8 * mostBytes)),
    keys: {
      refreshMs: number('keysRefreshMs', 60_000, 1, DAY),
      coolDownMs: number('keysCoolDownMs', 30_000, 1, DAY),
      maxAgeMs: number('maxKeysAgeMs', Number.POSITIVE_INFINITY),
      maxBytes: number('maxKeysBytes', 8 * MiB, 1, mostBytes),
    },
    revocations:
      revocations === 'off'
        ? undefined
        : {
            url,
            optional: revocations === 'optional',
            refreshMs: number('revocationsRefreshMs', 5000, 1, DAY),
            maxAgeMs: number('maxRevocationsAgeMs', Number.POSITIVE_INFINITY),
            maxBytes: number('maxRevocationsBytes', 16 * MiB, 1, mostBytes),
            maxEntries: number('maxRevocations', 100_000),
          },
  }
}

type NumberOption = {
  [Name in keyof VerifierOptions]-?: number extends VerifierOptions[Name] ? Name : never
}[keyof VerifierOptions]

/** Checked at run time, because options often come from the environment. */
function required(value: string | undefined, name: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} is missing`)
  return value
}
