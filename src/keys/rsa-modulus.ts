import { rsaKeyBits } from './algorithm.ts'

/**
 * Why an RSA public key is too weak to be trusted; undefined if it is not. Both numbers are big-endian bytes without
 * leading zeros.
 *
 * | number | rejected if |
 * |---|---|
 * | modulus | under 2048 bits, over 8192 bits, even, or with the fingerprint of CVE-2017-15361 (ROCA) |
 * | exponent | 1, even, or over 32 bits |
 */
export function rsaWeakness(modulus: Buffer, exponent: Buffer): string | undefined {
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  if (bits < rsaKeyBits.least) return `RSA modulus has fewer than ${rsaKeyBits.least} bits`
  if (bits > rsaKeyBits.most) return `RSA modulus has more than ${rsaKeyBits.most} bits`
  if (!isOdd(modulus)) return 'RSA modulus is even'
  if (exponent.length > 4) return 'RSA exponent has more than 32 bits'
  if (!isOdd(exponent) || (exponent.length === 1 && exponent[0] === 1)) return 'RSA exponent is not odd and above 1'
  return hasRocaFingerprint(modulus) ? 'RSA modulus has the fingerprint of CVE-2017-15361' : undefined
}

function isOdd(number: Buffer): boolean {
  return ((number.at(-1) ?? 0) & 1) === 1
}

const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/** For each prime, the residues of the powers of 65537. */
const powers = primes.map((prime) => {
  const residues = new Set<number>()
  for (let power = 1; !residues.has(power); power = (power * 65537) % prime) residues.add(power)
  return { prime, residues }
})

/** A modulus of the vulnerable generator is a power of 65537 modulo each of these primes. */
function hasRocaFingerprint(modulus: Buffer): boolean {
  return powers.every(({ prime, residues }) =>
    residues.has(modulus.reduce((rest, byte) => (rest * 256 + byte) % prime, 0)),
  )
}
