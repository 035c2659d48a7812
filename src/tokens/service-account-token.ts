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

/** The content of a verified, projected ServiceAccount token. Times in milliseconds since the epoch. */
export interface ServiceAccountProof {
  readonly namespace: string
  readonly account: BoundObject
  readonly pod: BoundObject
  readonly notBefore: number
  readonly expiresAt: number
  readonly key: PublicJwk
}

interface ServiceAccountExpectations {
  /** The cluster's key of a `kid`: the same object for the same key. */
  readonly keys: (kid: string) => PublicJwk | undefined
  /** The issuer of the cluster's ServiceAccount tokens, compared byte by byte. */
  readonly issuer: string
  /** The token's only audience: any other audience could replay the token here. */
  readonly audience: string
  /** In milliseconds since the epoch. */
  readonly now: number
}

/** The algorithms that the API server signs with. */
export const serviceAccountAlgorithms: readonly Algorithm[] = ['RS256', 'ES256', 'ES384']

/** In milliseconds. Kubelet replaces a projected token after a day, whatever its lifetime. */
const maxLifetimeMs = 25 * HOUR
const maxAudiences = 16
const parameters = new Set(['alg', 'kid', 'typ'])
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/
const uidForm = /^[A-Za-z0-9-]{1,128}$/

/**
 * Verifies a projected ServiceAccount token: header, signature by a key of the cluster, and the types and values of the
 * claims that the API server writes. Accepts only tokens bound to a pod, because other tokens outlive their workload.
 * Throws a TokenError.
 *
 * Not checked: whether pod and account still exist (see `BoundObjects`). That the pod belongs to the account is vouched
 * for by the signature.
 */
export function verifyServiceAccountToken(
  { header, claims, signingInput, signature }: CompactToken,
  expected: ServiceAccountExpectations,
): ServiceAccountProof {
  const key = keyOf(header, expected.keys)
  if (!verifySignature(key, signingInput, signature)) {
    throw new TokenError('ERR_TOKEN_SIGNATURE', `signature does not verify with key ${key.kid}`)
  }
  return { ...proofOf(claims, expected), key }
}

function keyOf(header: Readonly<Record<string, unknown>>, keys: ServiceAccountExpectations['keys']): PublicJwk {
  // Refuses crit, jwk, jku, x5u, x5c, b64 and zip among others.
  if (!Object.keys(header).every((name) => parameters.has(name))) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has a parameter besides alg, kid and typ')
  }
  const { alg, kid, typ } = header
  // The API server writes no typ; JWT is the only other value that fits.
  if (typ !== undefined && typ !== 'JWT') throw new TokenError('ERR_TOKEN_TYPE', 'typ is not JWT')
  if (typeof kid !== 'string' || !keyIDForm.test(kid)) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has no valid kid')
  }
  if (!serviceAccountAlgorithms.some((algorithm) => algorithm === alg)) {
    throw new TokenError('ERR_TOKEN_ALGORITHM', 'header has an alg that is not accepted')
  }
  const key = keys(kid)
  if (key?.kid !== kid) throw new TokenError('ERR_TOKEN_KEY_UNKNOWN', 'token is signed by an unknown key')
  if (key.alg !== alg) throw new TokenError('ERR_TOKEN_ALGORITHM', `alg is not the algorithm of key ${kid}`)
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
    throw new TokenError('ERR_TOKEN_LIFETIME', 'token lifetime is not accepted', { claim: 'exp' })
  }
  const bound = record(claims, 'kubernetes.io')
  const { namespace } = bound
  if (typeof namespace !== 'string' || !label.test(namespace)) throw wrong('kubernetes.io', 'has no valid namespace')
  const account = objectOf(bound.serviceaccount)
  const pod = objectOf(bound.pod)
  if (account === undefined) throw wrong('kubernetes.io', 'has no valid serviceaccount')
  if (pod === undefined) throw wrong('kubernetes.io', 'has no valid pod')
  if (claims.sub !== `system:serviceaccount:${namespace}:${account.name}`)
    throw wrong('sub', 'does not match the ServiceAccount')
  const proof = { namespace, account, pod, notBefore: Math.max(iat, nbf) * 1000, expiresAt: exp * 1000 }
  checkTimes(proof, now)
  return proof
}

/**
 * Throws a TokenError unless the token is valid at `now`, in milliseconds since the epoch. A difference between clocks is
 * tolerated for the start of the validity, not for its end: kubelet replaces a token at 80 % of its lifetime.
 */
export function checkTimes(proof: Pick<ServiceAccountProof, 'notBefore' | 'expiresAt'>, now: number): void {
  if (proof.expiresAt <= now) throw new TokenError('ERR_TOKEN_EXPIRED', 'token has expired', { claim: 'exp' })
  if (proof.notBefore > now + clockTolerance) {
    throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token was issued in the future', { claim: 'iat' })
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

/** In seconds since the epoch (RFC 7519 §2, NumericDate). */
function time(claims: Claims, claim: string): number {
  const value = claims[claim]
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000)) {
    throw wrong(claim, 'is missing or not a NumericDate')
  }
  return value
}

function audiencesOf(aud: unknown): readonly unknown[] {
  const list: unknown = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(list) || list.length > maxAudiences || !list.every((item) => typeof item === 'string')) {
    throw wrong('aud', 'is missing or not a list of strings')
  }
  return list
}

function wrong(claim: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CLAIM', `claim ${claim} ${what}`, { claim })
}
