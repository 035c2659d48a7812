import { HOUR, MINUTE, SECOND } from '../time/duration.ts'
import { jitter } from './jitter.ts'

/** Longest lifetime of a mounted token, in milliseconds. */
export const maxTokenLifetime = 24 * HOUR

/** Below this lifetime kubelet's own delay eats too much of a token, so pods have to be nudged. */
export const minLifetimeWithoutNudge = 15 * MINUTE

/** Below this lifetime a renewal is urgent: its pods are nudged also where only urgent changes are. */
export const urgentLifetime = 30 * MINUTE

/** Below this publishAhead, verifiers that keep a JWK Set as long as most do may meet a key that they do not know. */
export const safePublishAhead = 20 * MINUTE

/**
 * How long every replica of the authority may take to serve a key that has been stored. Until then verifiers fetch copies
 * without it, which they keep for as long as any.
 */
export const publicationDelay = 5 * SECOND

/** How long a key stays published after the last token it signed has expired, for clocks and caches that lag. */
export const keyRetention = HOUR

/** What has a beginning and an end, in milliseconds since the epoch. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * When a token is to be renewed: at 40–50 % of its lifetime, the same fraction for the same seed, so that what was
 * minted together is renewed apart and more than half of the lifetime is left for whatever goes wrong.
 */
export function renewAt({ notBefore, notAfter }: Validity, seed: string): number {
  return notBefore + Math.floor((notAfter - notBefore) * (0.4 + 0.1 * jitter(seed)))
}

/** Certificates of servers are renewed when one third of their lifetime has passed. */
export function renewCertificateAt({ notBefore, notAfter }: Validity): number {
  return notBefore + Math.floor((notAfter - notBefore) / 3)
}
