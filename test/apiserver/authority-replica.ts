import { expect, onTestFinished } from 'vitest'
import type { PublicKeySource } from '../../src/keys/public-key-source.ts'
import type { SharedCache } from '../../src/authority/shared-cache/shared-cache.ts'
import { MINUTE } from '../../src/time/duration.ts'
import { createSigner } from '../../src/keys/signer.ts'
import type { SigningKey } from '../../src/keys/signing-key.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { buildClaims } from '../../src/tokens/claims.ts'
import { mintToken, newTokenID } from '../../src/tokens/mint.ts'
import { callers, form } from '../fakes/callers.ts'
import { eventually } from '../builders/eventually.ts'
import { revokingReplica } from '../builders/revoking-replica.ts'

const issuer = 'https://signet.example'
/** Whose tokens are revoked. */
export const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

export interface ReplicaOptions {
  readonly kubeconfig: string
  readonly source: PublicKeySource
  readonly sharedCache?: SharedCache | undefined
  readonly certificateDirectory?: string
}

/** A replica of the authority, but for its HTTP, that ends with the test. */
export async function startReplica(options: ReplicaOptions) {
  const { kubeconfig, source, sharedCache, certificateDirectory = '/nowhere' } = options
  const client = new HttpKubeClient(await loadConfig({ kubeconfig }))
  const all = revokingReplica({
    client,
    source,
    keysConfirmedAt: () => performance.now(),
    issuer,
    introspectors: [],
    certificateDirectory,
    sharedCache,
  })
  const stop = new AbortController()
  const running = all.run(stop.signal)
  let open = true
  const close = async () => {
    if (!open) return
    open = false
    stop.abort()
    await running
    all.close()
    await client.close()
  }
  onTestFinished(close)
  await eventually(() => expect(all.notReady()).toBeUndefined(), 30_000, 20)
  const { introspect, revoke, documents } = all.serve(callers)
  return {
    close,
    revoke: (token: string) => revoke(form('shop/orders', { token })),
    isActive: async (token: string) => {
      const { body } = await introspect(form('shop/payments', { token }))
      return (JSON.parse(body) as { active: boolean }).active
    },
    listed: async (scope = '') => {
      const document = await documents.document(scope)
      const { revocations } = JSON.parse(document?.plain.body.toString() ?? '') as { revocations: { jti?: string }[] }
      return revocations.map(({ jti }) => jti)
    },
  }
}

/** A token of `orders` for `payments`, signed by its key, by default of ten minutes from now on. */
export async function mintFor(
  { keyID, publicJwk, privateJwk }: SigningKey,
  { issuer: iss = issuer, issuedAt = Date.now(), lifetimeMs = 10 * MINUTE } = {},
): Promise<{ token: string; jti: string }> {
  const claims = buildClaims({
    issuer: iss,
    subject,
    audience: 'payments',
    issuedAt,
    lifetimeMs,
    tokenID: newTokenID(),
    profile: 'JWT-SVID',
  })
  const signer = createSigner({ keyID, algorithm: 'ES256', privateJwk })
  const { token } = await mintToken({ signer, claims, profile: 'JWT-SVID', publicJwk })
  return { token, jti: claims.jti }
}
