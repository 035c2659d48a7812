import { constants } from 'node:crypto'

/** The signature algorithms that Signet signs with and accepts (RFC 7518 §3.1, RFC 8037 §3.1). */
export const algorithms = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'] as const

export type Algorithm = (typeof algorithms)[number]

/** Bits of the RSA keys that are generated, and the fewest and most that are accepted (RFC 7518 §3.3). */
export const rsaKeyBits = { generated: 2048, least: 2048, most: 8192 } as const

/** All there is to know of an algorithm; nothing else in the code base distinguishes them by name. */
interface AlgorithmParameters {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  /** The one curve (RFC 7518 §6.2.1.1, RFC 8037 §2); absent for RSA. */
  readonly crv?: 'P-256' | 'P-384' | 'Ed25519'
  /** Bytes of each coordinate of the public key, `x` and `y`; absent for RSA. */
  readonly coordinateLength?: number
  /** Bytes of a signature; absent for RSA, where it is the length of the modulus. */
  readonly signatureLength?: number
  /** The digest as `node:crypto` names it; null where the algorithm has its own (EdDSA). */
  readonly digest: 'sha256' | 'sha384' | null
  /**
   * What `node:crypto` is told besides the key, both when signing and when verifying. Where there is nothing it is handed
   * the key alone: wrapped in an object it takes a third longer.
   */
  readonly options?: { readonly padding: number; readonly saltLength: number }
  /** Whether a signature takes so long (most of a millisecond) that it is left to the thread pool. */
  readonly slow: boolean
}

/** The one table. */
export const algorithmParameters: Readonly<Record<Algorithm, AlgorithmParameters>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    coordinateLength: 32,
    signatureLength: 64,
    digest: 'sha256',
    slow: false,
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    coordinateLength: 48,
    signatureLength: 96,
    digest: 'sha384',
    slow: true,
  },
  // PKCS #1 v1.5 is what RSA keys are used with where nothing is said.
  RS256: { kty: 'RSA', digest: 'sha256', slow: true },
  PS256: {
    kty: 'RSA',
    digest: 'sha256',
    // RFC 7518 §3.5: the salt is as long as the digest.
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    slow: true,
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    coordinateLength: 32,
    signatureLength: 64,
    digest: null,
    slow: false,
  },
}

export function isAlgorithm(value: unknown): value is Algorithm {
  return algorithms.some((algorithm) => algorithm === value)
}
