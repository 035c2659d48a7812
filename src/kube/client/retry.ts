/** How a request without a response failed: before it was sent, or maybe after the server had processed it. */
type Loss = 'not-sent' | 'lost'

const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const lost = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
const certificate = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME/

/** Undefined for an error that a retry would not resolve. */
export function lossOf(error: unknown): Loss | undefined {
  const code = errorCode(error)
  if (code === undefined) return undefined
  if (notSent.has(code) || certificate.test(code)) return 'not-sent'
  return lost.has(code) ? 'lost' : undefined
}

/** Whether the server's certificate did not verify. Its CA may have been rotated. */
export function isCertificateError(error: unknown): boolean {
  return certificate.test(errorCode(error) ?? '')
}

export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

const retriedStatuses = new Set([429, 503, 504])
const attempts = 5
const baseMs = 100
const capMs = 5_000

/**
 * Milliseconds to wait before the next attempt; undefined to give up. `attempt` counts from 1. A call that is not
 * idempotent is retried only if it certainly had no effect: rejected with 429, or never sent. The wait is never shorter
 * than Retry-After.
 */
export function retryDelay(options: {
  readonly attempt: number
  readonly idempotent: boolean
  readonly status: number
  readonly loss?: Loss | undefined
  readonly retryAfterMs?: number | undefined
  readonly random: () => number
}): number | undefined {
  const { attempt, idempotent, status, loss, retryAfterMs = 0, random } = options
  if (attempt >= attempts) return undefined
  const harmless = status === 429 || loss === 'not-sent'
  const curable = retriedStatuses.has(status) || loss !== undefined
  if (!curable || (!idempotent && !harmless)) return undefined
  const backOff = random() * Math.min(capMs, baseMs * 2 ** attempt)
  // Up to a quarter longer, to spread clients that all got the same Retry-After.
  return retryAfterMs > 0 ? retryAfterMs * (1 + random() / 4) : backOff
}
