import type { Algorithm } from '../../src/keys/algorithm.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { MINUTE } from '../../src/time/duration.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import type { SigningKey } from '../../src/keys/signing-key.ts'
import { keys } from '../fixtures/keys/keys.ts'

export const issuer = 'https://signet-authority.signet-system.svc'
export const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
export const now = Date.UTC(2026, 0, 2, 3, 4, 5)

/** A token that verifies, but for what the test says differs. `undefined` removes a member. */
export interface Difference {
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  /** The texts of header and claims, where they are not JSON as it should be. */
  readonly headerText?: string | Buffer
  readonly claimsText?: string | Buffer
  readonly key?: SigningKey
}

export const encode = (text: string | Buffer): string => Buffer.from(text as string).toString('base64url')

export async function makeToken({ key = keys.ES256, ...different }: Difference = {}): Promise<string> {
  const { alg, kid } = key.publicJwk
  const header = { alg, kid, typ: 'JWT', ...different.header }
  const iat = Math.floor((now - MINUTE) / 1000)
  const claims = {
    iss: issuer,
    sub: subject,
    aud: 'payments',
    iat,
    nbf: iat,
    exp: iat + 3600,
    jti: 'token-1',
    ...different.claims,
  }
  const parts = [different.headerText ?? JSON.stringify(header), different.claimsText ?? JSON.stringify(claims)]
  const input = parts.map(encode).join('.')
  const signature = await createSigner({ keyID: key.keyID, algorithm: alg, privateJwk: key.privateJwk }).sign(input)
  return `${input}.${signature.toString('base64url')}`
}

const published = Object.entries(keys).map(([, { publicJwk }]) => publicJwk)

/** Every fixture key, none of them bound to a subject. */
export const knownKeys = (kid: string): PublicJwk | undefined => published.find((key) => key.kid === kid)

export const keyOf = (algorithm: Algorithm): SigningKey => keys[algorithm]
