/**
 * A stable fraction in [0, 1) of a text (FNV-1a, 32 bits, with a final mix). The same identity always gets the same
 * one, so that a restart moves no deadline, and many identities are spread evenly.
 */
export function jitter(seed: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < seed.length; index += 1) {
    hash ^= seed.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  return (hash >>> 0) / 2 ** 32
}
