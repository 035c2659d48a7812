import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { effectiveTokens } from '../../src/api/v1alpha1/defaults.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { buildTimeout } from '../chart/helm.ts'
import type { Kubectl } from './kubectl.ts'
import { dryRun, identity, startWithCrd, token } from './with-crd.ts'

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startWithCrd())
}, buildTimeout)

afterAll(() => stop())

/** What the API server would store. */
async function accepted(spec: unknown, name?: string): Promise<ServiceIdentity> {
  return kubectl.json<ServiceIdentity>(dryRun, { input: identity(spec, name) })
}

describe('the API server accepts', () => {
  it('an empty spec, and fills in every default', async () => {
    const { spec } = await accepted({})
    expect(spec).toEqual({
      tokens: [{ name: 'default', lifetime: '1h', profile: 'JWT-SVID' }],
      signingKey: { algorithm: 'ES256', rotationPeriod: '24h', publishAhead: '1h' },
    })
    expect(effectiveTokens(spec, 'prod.example')).toEqual(effectiveTokens({}, 'prod.example'))
  })

  it('no spec at all, as an empty one', async () => {
    expect((await accepted(undefined)).spec).toEqual((await accepted({})).spec)
  })

  it('fields that are null, as absent ones', async () => {
    const spec = { tokens: null, signingKey: { algorithm: null } }
    expect((await accepted(spec)).spec).toEqual((await accepted({})).spec)
  })

  it.each<[string, object]>([
    ['the shortest lifetime', token({ lifetime: '5m' })],
    ['the longest lifetime', token({ lifetime: '24h' })],
    ['a lifetime in several units', token({ lifetime: '1h30m15s' })],
    ['a lifetime in seconds', token({ lifetime: '86400s' })],
    ['the longest name of a token', token({ name: 'a'.repeat(63) })],
    ['a name of one digit', token({ name: '1' })],
    ['the longest audience', token({ audience: 'a'.repeat(255) })],
    ['an audience with inner spaces', token({ audience: 'Payments API' })],
    ['a URL as audience', token({ audience: 'https://payments.example/v1?x=%20#y' })],
    ['an access token', token({ profile: 'AccessToken' })],
    ['claims of every type', token({ claims: { s: 'x', n: 1.5, b: true, l: ['a', 'b'] } })],
    ['sixteen tokens', { tokens: Array.from({ length: 16 }, (_, index) => ({ name: `t${index}` })) }],
    [
      'the same audience twice',
      {
        tokens: [
          { name: 'a', audience: 'x' },
          { name: 'b', audience: 'x' },
        ],
      },
    ],
    ['the fastest rotation', { signingKey: { rotationPeriod: '1m', publishAhead: '30s' } }],
    ['the slowest rotation', { signingKey: { rotationPeriod: '8760h', publishAhead: '8759h' } }],
    ...['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'].map((algorithm): [string, object] => [
      algorithm,
      { signingKey: { algorithm } },
    ]),
  ])('%s', async (_, spec) => {
    expect((await accepted(spec)).spec).toMatchObject(spec)
  })

  it('a name of 177 characters', async () => {
    const name = 'a'.repeat(177)
    expect((await accepted({}, name)).metadata.name).toBe(name)
  })
})

describe('kubectl explain', () => {
  interface Schema {
    description?: string
    properties?: Record<string, Schema>
    items?: Schema
    allOf?: Schema[]
    $ref?: string
  }

  it.each([
    ['ServiceIdentity', ['.spec.tokens[].claims.auth_time', '.status.tokens[].renewAt']],
    ['TokenRevocation', ['.spec.issuedBefore', '.status.expiresAt']],
  ])('has a text for every field of a %s', async (kind, some) => {
    const document = JSON.parse(await kubectl.run(['get', '--raw', '/openapi/v3/apis/signet.dev/v1alpha1'])) as {
      components: { schemas: Record<string, Schema> }
    }
    const root = document.components.schemas[`dev.signet.v1alpha1.${kind}`]
    const fields: string[] = []
    const silent: string[] = []
    const walk = (schema: Schema, path: string) => {
      fields.push(path)
      if (!schema.description && !schema.allOf) silent.push(path)
      if (schema.items) walk(schema.items, `${path}[]`)
      for (const [name, property] of Object.entries(schema.properties ?? {})) walk(property, `${path}.${name}`)
    }
    walk(root ?? {}, '')
    expect(silent).toEqual([])
    expect(fields).toEqual(expect.arrayContaining(some))
  })

  it('shows it to a user', async () => {
    const text = await kubectl.run(['explain', 'sid.spec.tokens.audience'])
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'Defaults to the name of the token, or to the trust domain for the token named',
    )
    expect(await kubectl.run(['explain', 'sid', '--recursive'])).toContain('publishAhead')
  })
})

describe('a stored identity', () => {
  const status = {
    observedGeneration: 1,
    subject: 'spiffe://cluster.local/ns/default/sa/orders',
    issuer: 'https://signet-authority.signet-system.svc',
    secretName: 'signet.orders',
    expiresAt: '2026-01-02T04:04:05Z',
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Issued',
        message: 'keys and tokens are in place',
        lastTransitionTime: '2026-01-02T03:04:05Z',
        observedGeneration: 1,
      },
    ],
    keys: [{ keyID: 'k1', algorithm: 'ES256', state: 'Active', publishedAt: '2026-01-02T03:04:05Z' }],
    tokens: [
      {
        name: 'default',
        audience: 'cluster.local',
        keyID: 'k1',
        tokenID: 't1',
        issuedAt: '2026-01-02T03:04:05Z',
        expiresAt: '2026-01-02T04:04:05Z',
        renewAt: '2026-01-02T03:30:00Z',
      },
    ],
  }

  beforeAll(async () => {
    await kubectl.run(['create', '-f', '-'], { input: { ...identity({}), status: { subject: 'forged' } } })
  })

  it('has no status that its creator wrote', async () => {
    expect((await kubectl.json<ServiceIdentity>(['get', 'sid', 'orders'])).status).toBeUndefined()
  })

  it('keeps every field of the status that is written through the subresource', async () => {
    const { apiVersion, kind, metadata } = identity({})
    const flags = ['apply', '--server-side', '--subresource=status', '--validate=strict', '--field-manager=signet']
    await kubectl.run([...flags, '-f', '-'], { input: { apiVersion, kind, metadata, status } })
    expect((await kubectl.json<ServiceIdentity>(['get', 'sid', 'orders'])).status).toEqual(status)
  })

  it('refuses a status of unknown states', async () => {
    const patch = JSON.stringify({ status: { keys: [{ keyID: 'k1', state: 'Lost' }] } })
    const error = await kubectl.refused(['patch', 'sid', 'orders', '--subresource=status', '--type=merge', '-p', patch])
    expect(error).toContain('"Published", "Active", "Retired", "Revoked"')
  })

  it('shows what matters in its columns, by short name and category', async () => {
    for (const name of ['sid', 'signet', 'serviceidentities']) {
      const [header, row] = (await kubectl.run(['get', name])).trim().split('\n')
      expect(header?.split(/\s+/)).toEqual(['NAME', 'READY', 'SUBJECT', 'SECRET', 'EXPIRES', 'AGE'])
      expect(row?.split(/\s+/).slice(-6, -1)).toEqual([
        expect.stringContaining('orders'),
        'True',
        status.subject,
        status.secretName,
        status.expiresAt,
      ])
    }
    const [header, row] = (await kubectl.run(['get', 'sid', '-o', 'wide'])).trim().split('\n')
    expect(header?.split(/\s+/).slice(6)).toEqual(['REASON', 'ALGORITHM', 'ISSUER'])
    expect(row?.split(/\s+/).slice(6)).toEqual(['Issued', 'ES256', status.issuer])
  })
})
