/** The maximum length of a value, in bytes of UTF-8; longer values are misses. */
export const maxValueBytes = 16 * 1024

/** Whether a value may be stored. The empty value may not: GETRANGE returns it for a missing key as well. */
export function isKept(value: string, ttlMs: number): boolean {
  return value !== '' && Buffer.byteLength(value) <= maxValueBytes && isTtl(ttlMs)
}

/** Redis takes whole milliseconds, at least one. */
function isTtl(ttlMs: number): boolean {
  return Number.isSafeInteger(ttlMs) && ttlMs > 0
}
