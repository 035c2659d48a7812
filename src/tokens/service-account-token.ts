import { clockTolerance } from '../time/clock-tolerance.ts'
import { HOUR } from '../time/duration.ts'
import type { Algorithm } from '../keys/algorithm.ts'
import { keyIDForm, type PublicJwk } from '../keys/public-jwk.ts'
import { isRecord } from '../json.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import type { CompactToken } from './compact.ts'
import { TokenError } from './token-error.ts'

/** An object that a token is bound to. */
export interface BoundObject {
  readonly name: string
  readonly uid: string
}

/** What a projected ServiceAccount token says, its signature verified. Times in milliseconds since the epoch. */
export interface ServiceAccountProof {
  readonly namespace: string
  readonly account: BoundObject
  readonly pod: BoundObject
  readonly notBefore: number
  readonly expiresAt: number
  readonly key: PublicJwk
}

interface ServiceAccountExpectations {
  /** The cluster's key of a kid; the same object for the same key. */
  readonly keys: (kid: string) => PublicJwk | undefined
  /** The issuer of the cluster's ServiceAccount tokens, compared byte by byte. */
  readonly issuer: string
  /** Has to be the token's only one: whoever else it is for could present it here. */
  readonly audience: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What the API server signs with. */
export const serviceAccountAlgorithms: readonly Algorithm[] = ['RS256', 'ES256', 'ES384']

/** Kubelet replaces a projected token once it is a day old, whatever its lifetime. */
const maxLifetimeMs = 25 * HOUR
const maxAudiences = 16
const parameters = new Set(['alg', 'kid', 'typ'])
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/
const uidForm = /^[A-Za-z0-9-]{1,128}$/

/**
 * Verifies a ServiceAccount token that kubelet has projected into a pod, as `parseCompact` reads it: header, signature by a key of the
 * cluster, and the claims that the API server writes, each by its type. Only tokens that are bound to a pod pass: others
 * outlive whatever they were made for. Throws TokenError.
 *
 * Not checked: whether pod and account exist, see `BoundObjects`; the one is of the other by the API server's word, that
 * is by the signature.
 */
export function verifyServiceAccountToken(
  { header, claims, signingInput, signature }: CompactToken,
  expected: ServiceAccountExpectations,
): ServiceAccountProof {
  const key = keyOf(header, expected.keys)
  if (!verifySignature(key, signingInput, signature)) {
    throw new TokenError('ERR_TOKEN_SIGNATURE', `signature is not by key ${key.kid}`)
  }
  return { ...proofOf(claims, expected), key }
}

function keyOf(header: Readonly<Record<string, unknown>>, keys: ServiceAccountExpectations['keys']): PublicJwk {
  // Among what this refuses: crit, jwk, jku, x5u, x5c, b64, zip.
  if (!Object.keys(header).every((name) => parameters.has(name))) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has a parameter besides alg, kid and typ')
  }
  const { alg, kid, typ } = header
  // The API server writes none, and of what is written as JWT nothing else is meant.
  if (typ !== undefined && typ !== 'JWT') throw new TokenError('ERR_TOKEN_TYPE', 'typ is not that of an account token')
  if (typeof kid !== 'string' || !keyIDForm.test(kid)) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has no usable kid')
  }
  if (!serviceAccountAlgorithms.some((algorithm) => algorithm === alg)) {
    throw new TokenError('ERR_TOKEN_ALGORITHM', 'header has an alg that is not accepted')
  }
  const key = keys(kid)
  if (key?.kid !== kid) throw new TokenError('ERR_TOKEN_KEY_UNKNOWN', 'token is signed by an unknown key')
  if (key.alg !== alg) throw new TokenError('ERR_TOKEN_ALGORITHM', `alg is not that of key ${kid}`)
  return key
}

type Claims = Readonly<Record<string, unknown>>

function proofOf(
  claims: Claims,
  { issuer, audience, now }: ServiceAccountExpectations,
): Omit<ServiceAccountProof, 'key'> {
  const iat = time(claims, 'iat')
  const exp = time(claims, 'exp')
  const nbf = claims.nbf === undefined ? iat : time(claims, 'nbf')
  if (claims.iss !== issuer) throw new TokenError('ERR_TOKEN_ISSUER', 'token is from another issuer', { claim: 'iss' })
  const audiences = audiencesOf(claims.aud)
  if (audiences.length !== 1 || audiences[0] !== audience) {
    throw new TokenError('ERR_TOKEN_AUDIENCE', 'token is for another audience', { claim: 'aud' })
  }
  if (exp <= iat || (exp - iat) * 1000 > maxLifetimeMs) {
    throw new TokenError('ERR_TOKEN_LIFETIME', 'token has a lifetime that is not accepted', { claim: 'exp' })
  }
  const bound = record(claims, 'kubernetes.io')
  const { namespace } = bound
  if (typeof namespace !== 'string' || !label.test(namespace)) throw wrong('kubernetes.io', 'names no namespace')
  const account = objectOf(bound.serviceaccount)
  const pod = objectOf(bound.pod)
  if (account === undefined) throw wrong('kubernetes.io', 'names no account')
  if (pod === undefined) throw wrong('kubernetes.io', 'names no pod')
  if (claims.sub !== `system:serviceaccount:${namespace}:${account.name}`) throw wrong('sub', 'is not the account')
  const proof = { namespace, account, pod, notBefore: Math.max(iat, nbf) * 1000, expiresAt: exp * 1000 }
  checkTimes(proof, now)
  return proof
}

/** Throws TokenError where the proof does not hold at this moment, in milliseconds since the epoch. */
export function checkTimes(proof: Pick<ServiceAccountProof, 'notBefore' | 'expiresAt'>, now: number): void {
  if (proof.expiresAt <= now) throw new TokenError('ERR_TOKEN_EXPIRED', 'token has expired', { claim: 'exp' })
  if (proof.notBefore > now + clockTolerance) {
    throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token is from the future', { claim: 'iat' })
  }
}

function record(claims: Claims, claim: string): Claims {
  const value = claims[claim]
  if (!isRecord(value)) throw wrong(claim, 'is missing or not an object')
  return value
}

function objectOf(value: unknown): BoundObject | undefined {
  if (!isRecord(value)) return undefined
  const { name, uid } = value
  if (typeof name !== 'string' || !subdomain.test(name)) return undefined
  return typeof uid === 'string' && uidForm.test(uid) ? { name, uid } : undefined
}

/** Seconds since the epoch (RFC 7519 §2, NumericDate). */
function time(claims: Claims, claim: string): number {
  const value = claims[claim]
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000)) {
    throw wrong(claim, 'is missing or not a time')
  }
  return value
}

function audiencesOf(aud: unknown): readonly unknown[] {
  const list: unknown = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(list) || list.length > maxAudiences || !list.every((item) => typeof item === 'string')) {
    throw wrong('aud', 'is missing or not a list of texts')
  }
  return list
}

function wrong(claim: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CLAIM', `claim ${claim} ${what}`, { claim })
}
