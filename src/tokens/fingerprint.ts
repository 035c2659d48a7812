import { hash } from 'node:crypto'
import { isAlgorithm } from '../keys/algorithm.ts'
import type { CompactToken } from './compact.ts'

/** The order n of each curve's group (SEC 2, §2.4.2 and §2.5.1), and half of it. */
const orders: Readonly<Record<string, { readonly n: bigint; readonly half: Buffer; readonly bytes: number }>> = {
  ES256: order('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  ES384: order('ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
}

/**
 * A name for a token that is the same for all its spellings: the SHA-256 of the signed text and the canonical
 * signature, in base64url. An ECDSA signature (r, s) has a twin (r, n − s) that verifies too; the canonical form has
 * the smaller s. The signed text has one spelling only, see `parseCompact`. Only the signature of a verified token
 * yields its fingerprint.
 */
export function tokenFingerprint({ header, signingInput, signature }: CompactToken): string {
  return hash(
    'sha256',
    `${signingInput}.${canonicalSignature(header.alg, signature).toString('base64url')}`,
    'base64url',
  )
}

function canonicalSignature(alg: unknown, signature: Buffer): Buffer {
  const group = isAlgorithm(alg) ? orders[alg] : undefined
  if (group === undefined || signature.length !== 2 * group.bytes) return signature
  const s = signature.subarray(group.bytes)
  if (s.compare(group.half) <= 0) return signature
  const twin = group.n - BigInt(`0x${s.toString('hex')}`)
  // An s beyond the order has no twin and never verifies.
  if (twin < 0n) return signature
  const text = twin.toString(16).padStart(2 * group.bytes, '0')
  return Buffer.concat([signature.subarray(0, group.bytes), Buffer.from(text, 'hex')])
}

function order(hex: string) {
  const n = BigInt(`0x${hex}`)
  const half = Buffer.from((n / 2n).toString(16).padStart(hex.length, '0'), 'hex')
  return { n, half, bytes: hex.length / 2 }
}
