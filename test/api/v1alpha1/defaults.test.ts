import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import * as defaults from '../../../src/api/v1alpha1/defaults.ts'
import { HOUR, MINUTE } from '../../../src/time/duration.ts'
import { projectDirectory } from '../../../tools/cluster/paths.ts'

const { effectiveSigningKey, effectiveTokens } = defaults
const trustDomain = 'prod.example'

describe('effectiveTokens', () => {
  it('gives an empty spec one token named default, for the trust domain', () => {
    expect(effectiveTokens({}, trustDomain)).toEqual([
      { name: 'default', audience: trustDomain, lifetime: HOUR, profile: 'JWT-SVID', claims: {} },
    ])
  })

  it('gives the same for what the API server makes of an empty spec', () => {
    const stored = { tokens: [{ name: 'default', lifetime: '1h', profile: 'JWT-SVID' as const }] }
    expect(effectiveTokens(stored, trustDomain)).toEqual(effectiveTokens({}, trustDomain))
  })

  it('takes the name of a token as its audience where none is given', () => {
    const audiences = effectiveTokens({ tokens: [{ name: 'payments' }, { name: 'default' }] }, trustDomain)
    expect(audiences.map(({ audience }) => audience)).toEqual(['payments', trustDomain])
  })

  it('takes an audience that is given, also for a token named default', () => {
    const tokens = [{ name: 'default', audience: 'https://api.example' }]
    expect(effectiveTokens({ tokens }, trustDomain)[0]?.audience).toBe('https://api.example')
  })

  it('keeps the order, lifetimes in milliseconds, profiles and claims', () => {
    const tokens = [
      { name: 'b', lifetime: '1h30m', profile: 'AccessToken' as const, claims: { team: 'checkout' } },
      { name: 'a', lifetime: '5m' },
    ]
    expect(effectiveTokens({ tokens }, trustDomain)).toEqual([
      { name: 'b', audience: 'b', lifetime: 90 * MINUTE, profile: 'AccessToken', claims: { team: 'checkout' } },
      { name: 'a', audience: 'a', lifetime: 5 * MINUTE, profile: 'JWT-SVID', claims: {} },
    ])
  })

  it('throws for a lifetime that the API server would not have accepted', () => {
    expect(() => effectiveTokens({ tokens: [{ name: 'a', lifetime: '1d' }] }, trustDomain)).toThrow(
      new TypeError('lifetime of token a is not a duration: 1d'),
    )
  })
})

describe('effectiveSigningKey', () => {
  it('fills in what is absent', () => {
    expect(effectiveSigningKey({})).toEqual({ algorithm: 'ES256', rotationPeriod: 24 * HOUR, publishAhead: HOUR })
  })

  it('takes what is given, durations in milliseconds', () => {
    const signingKey = { algorithm: 'EdDSA' as const, rotationPeriod: '2m', publishAhead: '1m' }
    expect(effectiveSigningKey({ signingKey })).toEqual({
      algorithm: 'EdDSA',
      rotationPeriod: 2 * MINUTE,
      publishAhead: MINUTE,
    })
  })
})

describe('the defaults', () => {
  it('are those of the CRD', async () => {
    interface Schema {
      default?: unknown
      properties?: Record<string, Schema>
      items?: Schema
    }
    const text = await readFile(join(projectDirectory, 'crds/signet.dev_serviceidentities.yaml'), 'utf8')
    const crd = load(text) as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } }
    const spec = crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec']?.properties
    const token = spec?.['tokens']?.items?.properties
    const key = spec?.['signingKey']?.properties
    expect(spec?.['tokens']?.default).toEqual([{ name: defaults.defaultTokenName }])
    expect([token?.['lifetime']?.default, token?.['profile']?.default]).toEqual([
      defaults.defaultLifetime,
      defaults.defaultProfile,
    ])
    expect([key?.['algorithm']?.default, key?.['rotationPeriod']?.default, key?.['publishAhead']?.default]).toEqual([
      defaults.defaultAlgorithm,
      defaults.defaultRotationPeriod,
      defaults.defaultPublishAhead,
    ])
  })
})
