import { HOUR, MINUTE, SECOND } from '../time/duration.ts'
import { jitter } from './jitter.ts'

/** The longest lifetime of a mounted token, in milliseconds. */
export const maxTokenLifetime = 24 * HOUR

/**
 * Tokens with a shorter lifetime, in milliseconds, need nudged pods: kubelet's delay consumes too much of the lifetime.
 */
export const minLifetimeWithoutNudge = 15 * MINUTE

/**
 * Renewals of tokens with a shorter lifetime, in milliseconds, are urgent: their pods are nudged with the setting
 * `Urgent` too.
 */
export const urgentLifetime = 30 * MINUTE

/**
 * With a shorter publishAhead, in milliseconds, a verifier with a usual JWK Set cache may not know a key that signs.
 */
export const safePublishAhead = 20 * MINUTE

/**
 * The time until every replica of the authority serves a stored key, in milliseconds. Copies of the JWK Set fetched
 * before may lack the key, and are cached as long as any other.
 */
export const publicationDelay = 5 * SECOND

/**
 * How long a key stays published after its last token has expired, in milliseconds: allows for clocks and caches that
 * lag.
 */
export const keyRetention = HOUR

/** In milliseconds since the epoch. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * When a token is renewed: at 40–50 % of its lifetime. The seed determines the fraction, so that tokens minted together
 * are renewed at different times. More than half of the lifetime remains for retries.
 */
export function renewAt({ notBefore, notAfter }: Validity, seed: string): number {
  return notBefore + Math.floor((notAfter - notBefore) * (0.4 + 0.1 * jitter(seed)))
}

/** Server certificates are renewed after one third of their lifetime. */
export function renewCertificateAt({ notBefore, notAfter }: Validity): number {
  return notBefore + Math.floor((notAfter - notBefore) / 3)
}
