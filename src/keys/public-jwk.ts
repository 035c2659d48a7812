import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { SignetError } from '../errors.ts'
import { maxSpiffeIdLength } from '../identity/spiffe-id.ts'
import { type Algorithm, algorithmParameters, isAlgorithm } from './algorithm.ts'
import { isCanonicalBase64url } from './base64url.ts'
import { rsaWeakness } from './rsa-modulus.ts'
import { isRecord } from '../json.ts'

/** The public half of a signing key (RFC 7517 §4), with the subject it may sign for. */
export interface PublicJwk {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly kid: string
  readonly alg: Algorithm
  readonly use: 'sig'
  /** The only `sub` that tokens signed by this key may have; absent on keys that may sign for any subject. */
  readonly sub?: string
}

/** A JWK or JWK Set is unusable. Codes: `ERR_JWK_…`, `ERR_JWKS_…`. Messages never contain key material. */
export class JwkError extends SignetError {}

/** The form of a `kid`. */
export const keyIDForm = /^[A-Za-z0-9_-]{1,64}$/

/** Members of private and symmetric keys only (RFC 7518 §6.2.2, §6.3.2, §6.4). */
export const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * Parses a public JWK and drops unknown members. Does not check that `kid` is the thumbprint. Throws a JwkError:
 *
 * | code | cause |
 * |---|---|
 * | `ERR_JWK_PRIVATE` | private or symmetric key material |
 * | `ERR_JWK_USE` | the key is not for verifying signatures |
 * | `ERR_JWK_ALGORITHM` | `alg` is missing or unsupported |
 * | `ERR_JWK_WEAK` | a weak RSA key, see `rsaWeakness` |
 * | `ERR_JWK_FORM` | anything else, such as a point that is not on its curve |
 */
export function parsePublicJwk(value: unknown): PublicJwk {
  if (!isRecord(value)) throw new JwkError('ERR_JWK_FORM', 'JWK is not an object')
  const { kid, alg, use, key_ops: operations, sub } = value
  if (typeof kid !== 'string' || !keyIDForm.test(kid)) throw new JwkError('ERR_JWK_FORM', 'JWK has no valid kid')
  const privateMember = privateMembers.find((name) => Object.hasOwn(value, name))
  if (privateMember !== undefined)
    throw new JwkError('ERR_JWK_PRIVATE', `JWK ${kid} has private member ${privateMember}`)
  if (use !== undefined && use !== 'sig') throw new JwkError('ERR_JWK_USE', `JWK ${kid} is not for signatures`)
  if (
    operations !== undefined &&
    !(Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify')
  ) {
    throw new JwkError('ERR_JWK_USE', `JWK ${kid} is not for verifying only`)
  }
  if (!isAlgorithm(alg)) throw new JwkError('ERR_JWK_ALGORITHM', `JWK ${kid} has no supported alg`)
  if (sub !== undefined && !(typeof sub === 'string' && sub !== '' && sub.length <= maxSpiffeIdLength)) {
    throw new JwkError('ERR_JWK_FORM', `JWK ${kid} has an invalid sub`)
  }
  const jwk = Object.freeze({
    ...parseMaterial(value, kid, alg),
    kid,
    alg,
    use: 'sig' as const,
    ...(sub === undefined ? {} : { sub }),
  })
  importPublicKey(jwk)
  return jwk
}

type Material = Pick<PublicJwk, 'kty' | 'crv' | 'x' | 'y' | 'n' | 'e'>

function parseMaterial(value: Record<string, unknown>, kid: string, alg: Algorithm): Material {
  const { kty, crv, coordinateLength } = algorithmParameters[alg]
  if (value.kty !== kty || value.crv !== crv) {
    throw new JwkError('ERR_JWK_FORM', `JWK ${kid} has a kty or crv that does not match ${alg}`)
  }
  const bytes = (name: string): [string, Buffer] => {
    const text = value[name]
    if (typeof text !== 'string' || text.length > 2048 || !isCanonicalBase64url(text)) {
      throw new JwkError('ERR_JWK_FORM', `JWK ${kid} has no valid member ${name}`)
    }
    return [text, Buffer.from(text, 'base64url')]
  }
  if (crv === undefined) {
    const [n, modulus] = bytes('n')
    const [e, exponent] = bytes('e')
    // RFC 7518 §6.3.1, §2 forbid leading zeros; without that rule a key would have several thumbprints.
    if (modulus[0] === 0 || exponent[0] === 0) throw new JwkError('ERR_JWK_FORM', `JWK ${kid} has leading zeros`)
    const weakness = rsaWeakness(modulus, exponent)
    if (weakness !== undefined) throw new JwkError('ERR_JWK_WEAK', `JWK ${kid}: ${weakness}`)
    return { kty, n, e }
  }
  const coordinate = (name: 'x' | 'y'): string => {
    const [text, { length }] = bytes(name)
    if (length !== coordinateLength)
      throw new JwkError('ERR_JWK_FORM', `JWK ${kid} has a member ${name} of the wrong length`)
    return text
  }
  return kty === 'EC' ? { kty, crv, x: coordinate('x'), y: coordinate('y') } : { kty, crv, x: coordinate('x') }
}

/**
 * The thumbprint of a key (RFC 7638, SHA-256, base64url): the digest of its required members in lexicographic order.
 */
export function thumbprint({ kty, crv, x, y, n, e }: Material): string {
  const members = { EC: { crv, kty, x, y }, OKP: { crv, kty, x }, RSA: { e, kty, n } }[kty]
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

/** Imports a JWK as a key of `node:crypto`. Throws a JwkError `ERR_JWK_FORM` if the members form no key. */
export function importPublicKey({ kty, crv, x, y, n, e, kid }: PublicJwk): KeyObject {
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  try {
    return createPublicKey({ key: Object.fromEntries(members), format: 'jwk' })
  } catch (cause) {
    throw new JwkError('ERR_JWK_FORM', `JWK ${kid} is not a key`, { cause })
  }
}
