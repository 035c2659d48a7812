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

/** What has to be known before a token is accepted: see `VerifierOptions.revocations`. */
export type RevocationMode = 'required' | 'optional' | 'off'

export interface VerifierOptions extends TrustOptions {
  /** The only `iss` that is accepted, byte by byte, and where keys come from; by default `SIGNET_ISSUER`. */
  readonly issuer?: string
  /** The only audience that is accepted: the service's own. */
  readonly audience: string
  /** Algorithms that are accepted; all of Signet's by default. */
  readonly algorithms?: readonly Algorithm[]
  /** The form tokens have to have; either by default. */
  readonly profile?: Profile
  /** How far clocks may differ, in milliseconds: 60 s at most, which is the default. */
  readonly skewMs?: number
  /** Longest lifetime that is accepted, in milliseconds; 24 h by default. */
  readonly maxLifetimeMs?: number
  /**
   * `required` (the default): nothing is accepted before the list of revocations has been loaded once. `optional`: tokens
   * are accepted while no list has ever been loaded, as of an authority that has none. `off`: it is not asked for.
   * Once loaded, a list holds, however long the authority is away, unless `maxRevocationsAgeMs` says otherwise.
   */
  readonly revocations?: RevocationMode
  /** Where the list is: `<issuer>/revocations` by default. On the origin of the issuer. */
  readonly revocationsUrl?: string
  /** Milliseconds between looks at the list; 5 s by default, up to a fifth more. */
  readonly revocationsRefreshMs?: number
  /** Milliseconds after which an unconfirmed list makes every answer "cannot tell"; no limit by default. */
  readonly maxRevocationsAgeMs?: number
  /** 16 MiB by default: as many as `maxRevocations`. */
  readonly maxRevocationsBytes?: number
  /** 100,000 by default. A list with more is not read, and the last one that was holds on. */
  readonly maxRevocations?: number
  /** Milliseconds between looks at the keys; 60 s by default, up to a fifth more. */
  readonly keysRefreshMs?: number
  /**
   * Milliseconds from a look that did not find an unknown key to the next, and after a failure; 30 s by default. After a
   * look that went well it is a tenth.
   */
  readonly keysCoolDownMs?: number
  /** Milliseconds after which unconfirmed keys make every answer "cannot tell"; no limit by default. */
  readonly maxKeysAgeMs?: number
  /** 8 MiB by default: 15,000 identities. */
  readonly maxKeysBytes?: number
  /** Memory for tokens that have been verified, about; 16 MiB by default, 0 for none. */
  readonly maxCacheBytes?: number
  /** For one fetch, in milliseconds; 5 s by default and at most. */
  readonly timeoutMs?: number
  /** Told once when keys or revocations can no longer be fetched, and once when they can. */
  readonly logger?: Logger
  /** Also an issuer `http://127.0.0.1`: for tests. */
  readonly allowHttpLoopback?: boolean
}

/** What options and environment come to, each checked. Times in milliseconds, sizes in bytes. */
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

/** Throws a TypeError that names the option at fault. */
export function settingsOf(options: VerifierOptions, pod: Mounted): VerifierSettings {
  const { audience, algorithms = everyAlgorithm, profile, revocations = 'required', logger = silentLogger } = options
  const issuer = parseIssuer(required(options.issuer ?? pod.issuer, 'issuer'), options)
  if (algorithms.length === 0 || !algorithms.every((one) => everyAlgorithm.includes(one))) {
    throw new TypeError(`algorithms are not some of ${everyAlgorithm.join(', ')}`)
  }
  if (profile !== undefined && !profiles.includes(profile)) throw new TypeError('profile is not one of ours')
  if (!['required', 'optional', 'off'].includes(revocations)) {
    throw new TypeError("revocations is not 'required', 'optional' or 'off'")
  }
  const number = (name: NumberOption, usual: number, least = 1, most = Number.POSITIVE_INFINITY): number => {
    const value = options[name] ?? usual
    if (value >= least && value <= most) return value
    throw new TypeError(`${name} of ${value} is not between ${least} and ${most}`)
  }
  const url = options.revocationsUrl ?? `${issuer.base}/revocations`
  if (!isOnIssuerOrigin(url, issuer)) throw new TypeError('revocationsUrl is not on the origin of the issuer')
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

/** Options often come from an environment, where they may be missing whatever their type says. */
function required(value: string | undefined, name: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} is missing`)
  return value
}
