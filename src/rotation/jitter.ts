/**
 * Hashes a text to a fraction in [0, 1) (FNV-1a, 32 bits, with a final mix). The fraction is stable, so a restart moves
 * no deadline, and evenly distributed over many identities.
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
