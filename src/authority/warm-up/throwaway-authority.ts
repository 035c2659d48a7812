import { systemClock } from '../../clock.ts'
import { HOUR, MINUTE } from '../../duration.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { createSigner, type Signer } from '../../keys/signer.ts'
import { generateSigningKey } from '../../keys/signing-key.ts'
import { silentLogger } from '../../logger.ts'
import { Overload } from '../../server/overload.ts'
import { newTokenID } from '../../tokens/mint.ts'
import { Authenticator } from '../authenticator.ts'
import { parseIssuer } from '../discovery.ts'
import { FormHandler } from '../form-handler.ts'
import { introspect } from '../introspect.ts'
import { PresentedTokens } from '../presented-tokens.ts'
import { RateLimit } from '../rate-limit.ts'
import { ServiceAccountCallers } from '../service-account-callers.ts'
import { tokenEndpoint } from '../token-endpoint.ts'
import { TokenIssuer } from '../token-issuer.ts'

/** Names that nobody has: RFC 6761 §6.4 reserves them. */
const issuer = 'https://authority.invalid'
const clusterIssuer = 'https://cluster.invalid'
const trustDomain = 'warm-up.invalid'
const namespace = 'warm-up'
const unlimited = { perSecond: 0, entries: 1 }
const cacheBytes = 1024 * 1024

export interface ThrowawayAuthority {
  readonly forms: FormHandler
  /** A ServiceAccount token of an account of this name, by a cluster that there is not. */
  accountToken(account: string): Promise<string>
  close(): void
}

/**
 * The endpoints as they serve, of the same classes, apart from everything real: with keys that are made here and forgotten
 * with it, for whatever identity, by names that nobody has. Its keys are published nowhere, so that nobody accepts what
 * they sign.
 */
export async function throwawayAuthority(): Promise<ThrowawayAuthority> {
  const [cluster, own] = await Promise.all([newKey(), newKey()])
  const revocations = { ready: () => true, has: () => false }
  const identities = { ready: () => true, exists: () => true }
  const tokens = new PresentedTokens({
    issuer,
    trustDomain,
    keys: {
      ...identities,
      key: (kid) => (kid === own.publicJwk.kid ? own.publicJwk : undefined),
      hasLeft: () => false,
    },
    revocations,
    clock: systemClock,
    cacheBytes,
  })
  const authenticator = new Authenticator({
    issuer,
    trustDomain,
    serviceAccounts: new ServiceAccountCallers({
      keys: {
        issuer: clusterIssuer,
        key: (kid) => (kid === cluster.publicJwk.kid ? cluster.publicJwk : undefined),
        lookAgain: () => Promise.resolve(true),
      },
      objects: { areKnown: () => true, look: () => Promise.resolve('present') },
      audience: issuer,
      clock: systemClock,
      rememberedBytes: cacheBytes,
    }),
    ownTokens: tokens,
    identities,
    rates: new RateLimit(unlimited),
    clock: systemClock,
  })
  const overload = new Overload({ underWay: Number.POSITIVE_INFINITY, delayMs: Number.POSITIVE_INFINITY })
  const forms = new FormHandler({
    issuer: parseIssuer(issuer),
    endpoints: {
      token: tokenEndpoint({
        authenticator,
        issuer: new TokenIssuer({
          issuer,
          issuerScope: 'cluster',
          lifetimeMs: 5 * MINUTE,
          keys: { active: () => own },
          revocations,
          clock: systemClock,
          reusedBytes: cacheBytes,
        }),
        trustDomain,
        allowedScopes: new Set(),
      }),
      introspect: introspect({ authenticator, tokens, trustDomain, introspectors: new Set() }),
    },
    overload,
    addresses: new RateLimit(unlimited),
    logger: silentLogger,
  })
  return {
    forms,
    accountToken: (account) => accountToken(cluster.signer, account, systemClock.now()),
    close: () => overload.close(),
  }
}

async function newKey(): Promise<{ readonly signer: Signer; readonly publicJwk: PublicJwk }> {
  const { keyID, publicJwk, privateJwk } = await generateSigningKey('ES256')
  return { signer: createSigner({ keyID, algorithm: 'ES256', privateJwk }), publicJwk }
}

async function accountToken(signer: Signer, account: string, now: number): Promise<string> {
  const iat = Math.floor(now / 1000)
  const claims = {
    aud: [issuer],
    exp: iat + HOUR / 1000,
    iat,
    iss: clusterIssuer,
    jti: newTokenID(),
    'kubernetes.io': {
      namespace,
      pod: { name: account, uid: account },
      serviceaccount: { name: account, uid: account },
    },
    nbf: iat,
    sub: `system:serviceaccount:${namespace}:${account}`,
  }
  const input = [{ alg: signer.algorithm, kid: signer.keyID }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${(await signer.sign(input)).toString('base64url')}`
}

/** The audience that is an account's own, which it may be told about. */
export function audienceOf(account: string): string {
  return formatSpiffeId({ trustDomain, namespace, name: account })
}
