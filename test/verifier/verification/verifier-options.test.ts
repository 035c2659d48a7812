import { describe, expect, it } from 'vitest'
import { serializeRevocations } from '../../../src/authority/revocation/revocations-by-scope.ts'
import { mounted } from '../../../src/verifier/pod/env.ts'
import { settingsOf, type VerifierOptions } from '../../../src/verifier/verification/verifier-options.ts'

const pod = mounted({ SIGNET_ISSUER: 'https://issuer.example' })
const settings = (options: Partial<VerifierOptions> = {}) => settingsOf({ audience: 'payments', ...options }, pod)

describe("a verifier's settings", () => {
  it('are safe where nothing is said', () => {
    expect(settings()).toMatchObject({
      issuer: { issuer: 'https://issuer.example' },
      algorithms: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'],
      skewMs: 60_000,
      maxLifetimeMs: 86_400_000,
      timeoutMs: 5000,
      keys: { refreshMs: 60_000, coolDownMs: 30_000, maxAgeMs: Infinity, maxBytes: 8_388_608 },
      revocations: { url: 'https://issuer.example/revocations', optional: false, refreshMs: 5000, maxEntries: 100_000 },
    })
  })

  it('I5: have room for the bytes of as many revocations as are permitted: what is not read is not refused', async () => {
    const { maxBytes = 0, maxEntries = 0 } = settings().revocations ?? {}
    const sub = `spiffe://cluster.local/ns/${'n'.repeat(20)}/sa/${'s'.repeat(40)}`
    const { texts } = await serializeRevocations([{ sub, jti: 'Gm2vQpRk1c3nLw0s8yXzTA', exp: 1_769_868_300 }], 0)
    expect((Buffer.byteLength(texts.join('')) + 1) * maxEntries).toBeLessThan(maxBytes)
  })

  it('say whether revocations are needed', () => {
    expect(settings({ revocations: 'optional' }).revocations?.optional).toBe(true)
    expect(settings({ revocations: 'off' }).revocations).toBeUndefined()
  })

  it.each<[string, Partial<Record<keyof VerifierOptions, unknown>>]>([
    ['audience', { audience: '' }],
    ['audience', { audience: undefined }],
    ['audience', { audience: ['payments'] }],
    ['issuer', { issuer: 'http://issuer.example' }],
    ['algorithms', { algorithms: [] }],
    ['algorithms', { algorithms: ['none'] }],
    ['algorithms', { algorithms: ['HS256'] }],
    ['profile', { profile: 'jwt' }],
    ['revocations', { revocations: 'of' }],
    ['revocationsUrl', { revocationsUrl: 'https://other.example/revocations' }],
    ['skewMs', { skewMs: 60_001 }],
    ['skewMs', { skewMs: -1 }],
    ['skewMs', { skewMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: 5001 }],
    ['keysRefreshMs', { keysRefreshMs: Infinity }],
    ['keysCoolDownMs', { keysCoolDownMs: 0 }],
    ['revocationsRefreshMs', { revocationsRefreshMs: 0 }],
    ['maxKeysBytes', { maxKeysBytes: Infinity }],
    ['maxCacheBytes', { maxCacheBytes: -1 }],
    ['maxLifetimeMs', { maxLifetimeMs: 0 }],
  ])('refuse an unusable %s by name', (name, options) => {
    expect(() => settings(options as Partial<VerifierOptions>)).toThrow(TypeError)
    expect(() => settings(options as Partial<VerifierOptions>)).toThrow(name)
  })

  it('need an issuer where the pod names none', () => {
    expect(() => settingsOf({ audience: 'payments' }, mounted({}))).toThrow('issuer is missing')
  })
})
