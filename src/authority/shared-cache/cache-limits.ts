/** The longest value that a shared cache keeps or believes, in bytes of UTF-8. Longer ones are as if not there. */
export const maxValueBytes = 16 * 1024

/** Whether a value may be kept. The empty one may not: Redis cannot tell it from none in the way it is asked. */
export function isKept(value: string, ttlMs: number): boolean {
  return value !== '' && Buffer.byteLength(value) <= maxValueBytes && isTtl(ttlMs)
}

/** Whole milliseconds, one at least: what Redis takes. */
function isTtl(ttlMs: number): boolean {
  return Number.isSafeInteger(ttlMs) && ttlMs > 0
}
