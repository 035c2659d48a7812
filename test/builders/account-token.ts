import type { BoundReference } from '../../src/tokens/bound-objects.ts'
import { HOUR } from '../../src/time/duration.ts'
import { createSigner } from '../../src/keys/signer.ts'
import type { SigningKey } from '../../src/keys/signing-key.ts'
import { keys } from '../fixtures/keys/keys.ts'

/** The issuer of ServiceAccount tokens, and who they are for here. */
export const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
export const ourIssuer = 'https://signet-authority.signet-system.svc'

/** A pod and an account as tokens name them. */
export function boundTo(namespace = 'shop', account = 'orders', pod = `${account}-1`): BoundReference {
  return {
    namespace,
    account: { name: account, uid: `uid-of-${namespace}-${account}` },
    pod: { name: pod, uid: `uid-of-${namespace}-${pod}` },
  }
}

export interface AccountTokenOptions {
  readonly bound?: BoundReference
  /** Milliseconds since the epoch. */
  readonly now?: number
  readonly lifetimeMs?: number
  readonly key?: SigningKey
  /** What differs; `undefined` removes a member. */
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
}

/** A ServiceAccount token as the API server writes it for kubelet. */
export async function accountToken({
  bound = boundTo(),
  now = Date.now(),
  lifetimeMs = HOUR,
  key = keys.RS256,
  ...different
}: AccountTokenOptions = {}): Promise<string> {
  const { namespace, account, pod } = bound
  const iat = Math.floor(now / 1000)
  const claims = {
    aud: [ourIssuer],
    exp: iat + lifetimeMs / 1000,
    iat,
    iss: clusterIssuer,
    jti: 'a37f4d4e-2c4f-4b3c-9d8c-1d6a3f0f8f6e',
    'kubernetes.io': {
      namespace,
      node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
      pod,
      serviceaccount: account,
    },
    nbf: iat,
    sub: `system:serviceaccount:${namespace}:${account.name}`,
    ...different.claims,
  }
  const { alg, kid } = key.publicJwk
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg, kid, ...different.header })}.${encode(claims)}`
  const signature = await createSigner({ keyID: key.keyID, algorithm: alg, privateJwk: key.privateJwk }).sign(input)
  return `${input}.${signature.toString('base64url')}`
}
