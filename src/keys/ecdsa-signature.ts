/**
 * Converts ECDSA signatures between JWS form (RFC 7518 §3.4: r and s concatenated) and DER (the ASN.1 sequence of both,
 * which OpenSSL uses). `node:crypto` converts too, but spends a large part of the signature's time on it.
 */

const sequence = 0x30
const integer = 0x02

/** Converts a JWS signature to DER. The caller has checked the length: two halves of at most 66 bytes. */
export function ecdsaToDer(signature: Uint8Array): Buffer {
  const half = signature.length / 2
  // Each number needs a byte for its type, one for its length, and maybe one for its sign.
  const der = Buffer.allocUnsafe(signature.length + 8)
  const end = putInteger(der, putInteger(der, 2, signature.subarray(0, half)), signature.subarray(half))
  der[0] = sequence
  der[1] = end - 2
  return der.subarray(0, end)
}

/** The JWS form, `length` bytes, of a DER signature by OpenSSL. Throws a TypeError for anything else. */
export function ecdsaFromDer(der: Uint8Array, length: number): Buffer {
  const signature = Buffer.alloc(length)
  const half = length / 2
  let at = 2
  for (const end of [half, length]) {
    const start = at + 2
    const next = start + (der[at + 1] ?? 0)
    // A leading zero byte marks the number as positive.
    const first = der[start] === 0 ? start + 1 : start
    if (der[at] !== integer || next > der.length || next - first > half) throw notDer()
    signature.set(der.subarray(first, next), end - (next - first))
    at = next
  }
  if (der[0] !== sequence || der[1] !== der.length - 2 || at !== der.length) throw notDer()
  return signature
}

/** Writes a big-endian number in DER's shortest form. Returns the offset after it. */
function putInteger(der: Buffer, at: number, number: Uint8Array): number {
  let first = 0
  while (first < number.length - 1 && number[first] === 0) first += 1
  const sign = (number[first] ?? 0) > 0x7f ? 1 : 0
  der[at] = integer
  der[at + 1] = number.length - first + sign
  der[at + 2] = 0
  der.set(number.subarray(first), at + 2 + sign)
  return at + 2 + sign + number.length - first
}

function notDer(): TypeError {
  return new TypeError('not an ECDSA signature in DER')
}
