import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reservedClaims } from '../../src/tokens/claims.ts'
import { buildTimeout } from '../chart/helm.ts'
import type { Kubectl } from './kubectl.ts'
import { dryRun, identity, startWithCrd, token } from './with-crd.ts'

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startWithCrd())
}, buildTimeout)

afterAll(() => stop())

const form = 'write hours, minutes and seconds such as'

const refusals: { title: string; spec: unknown; name?: string; says: string[] }[] = [
  {
    title: 'a name of 178 characters',
    spec: {},
    name: 'a'.repeat(178),
    says: ['metadata.name of a ServiceIdentity has at most 177 characters; use a ServiceAccount with a shorter name'],
  },
  {
    title: 'a name that no ServiceAccount has',
    spec: {},
    name: 'Orders',
    says: ['metadata.name', 'RFC 1123 subdomain'],
  },
  { title: 'no token', spec: { tokens: [] }, says: ['spec.tokens', 'should have at least 1 items'] },
  {
    title: 'seventeen tokens',
    spec: { tokens: Array.from({ length: 17 }, (_, index) => ({ name: `t${index}` })) },
    says: ['spec.tokens: Too many: 17: must have at most 16 items'],
  },
  { title: 'a token without a name', spec: { tokens: [{}] }, says: ['spec.tokens[0].name: Required value'] },
  {
    title: 'two tokens of one name',
    spec: { tokens: [{ name: 'a' }, { name: 'a' }] },
    says: ['spec.tokens[1]: Duplicate value: {"name":"a"}'],
  },
  ...['Payments', 'pay_ments', '-a', 'a-', 'a.b', '../a', 'a/b'].map((name) => ({
    title: `a token named ${name}`,
    spec: token({ name }),
    says: ['spec.tokens[0].name', `token name "${name}" has other characters`, 'use one such as payments-api'],
  })),
  {
    title: 'a token name with a line break',
    spec: token({ name: 'a\nb' }),
    says: ['spec.tokens[0].name', 'a token name has only lower case letters, digits and dashes'],
  },
  {
    title: 'a token name of 64 characters',
    spec: token({ name: 'a'.repeat(64) }),
    says: ['spec.tokens[0].name: Too long: may not be more than 63 bytes'],
  },
  {
    title: 'an empty audience',
    spec: token({ audience: '' }),
    says: ['spec.tokens[0].audience', 'at least 1 chars long'],
  },
  {
    title: 'an audience of 256 characters',
    spec: token({ audience: 'a'.repeat(256) }),
    says: ['spec.tokens[0].audience: Too long: may not be more than 255 bytes'],
  },
  ...[' a', 'a ', 'a\tb', 'a\nb', 'zahlungen-ü', '\u0000'].map((audience) => ({
    title: `the audience ${JSON.stringify(audience)}`,
    spec: token({ audience }),
    says: ['spec.tokens[0].audience', 'an audience has only printable ASCII characters', 'use a name or URL'],
  })),
  ...['4m59s', '299s', '24h1s', '25h', '0s', '9999999h', '99999999999999999s', '999999h999999h99999h'].map(
    (lifetime) => ({
      title: `a lifetime of ${lifetime}`,
      spec: token({ lifetime }),
      says: ['spec.tokens[0].lifetime', `lifetime ${lifetime} is not between 5m and 24h; choose one such as 1h`],
    }),
  ),
  ...['1d', '60', '1.5h', '-1h', '1h 30m', 'PT1H', '', '1H'].map((lifetime) => ({
    title: `a lifetime of ${JSON.stringify(lifetime)}`,
    spec: token({ lifetime }),
    says: ['spec.tokens[0].lifetime', `lifetime "${lifetime}" is not a duration; ${form} 1h, 90m or 1h30m`],
  })),
  {
    title: 'a lifetime of more than 20 characters',
    spec: token({ lifetime: `${'0'.repeat(20)}1h` }),
    says: ['spec.tokens[0].lifetime: Too long: may not be more than 20 bytes'],
  },
  {
    title: 'a lifetime that is a number',
    spec: token({ lifetime: 3600 }),
    says: ['spec.tokens[0].lifetime', 'must be of type string'],
  },
  {
    title: 'another profile',
    spec: token({ profile: 'JWT' }),
    says: ['spec.tokens[0].profile', '"JWT-SVID", "AccessToken"'],
  },
  ...reservedClaims.map((claim) => ({
    title: `the claim ${claim}`,
    spec: token({ claims: { team: 'checkout', [claim]: 'x' } }),
    says: [`spec.tokens[0].claims.${claim}`, `claim ${claim} is reserved and cannot be set; `],
  })),
  {
    title: 'the claim exp as a number',
    spec: token({ claims: { exp: 1 } }),
    says: ['claim exp is reserved', 'set lifetime'],
  },
  {
    title: 'the claim aud as a list',
    spec: token({ claims: { aud: ['x'] } }),
    says: ['spec.tokens[0].claims.aud', 'must be of type'],
  },
  {
    title: 'the claim act as an object',
    spec: token({ claims: { act: { sub: 'x' } } }),
    says: ['spec.tokens[0].claims.act'],
  },
  {
    title: 'claims that are a list',
    spec: token({ claims: ['x'] }),
    says: ['spec.tokens[0].claims', 'must be of type object'],
  },
  {
    title: 'more than 64 claims',
    spec: token({ claims: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`c${index}`, 'x'])) }),
    says: ['spec.tokens[0].claims', 'Too many: 65: must have at most 64 items'],
  },
  ...['HS256', 'none', 'es256'].map((algorithm) => ({
    title: `the algorithm ${algorithm}`,
    spec: { signingKey: { algorithm } },
    says: ['spec.signingKey.algorithm', '"ES256", "ES384", "RS256", "PS256", "EdDSA"'],
  })),
  ...['59s', '0s', '8761h', '9999999h'].map((rotationPeriod) => ({
    title: `a rotationPeriod of ${rotationPeriod}`,
    spec: { signingKey: { rotationPeriod, publishAhead: '30s' } },
    says: [`spec.signingKey.rotationPeriod`, `rotationPeriod ${rotationPeriod} is not between 1m and 8760h; choose`],
  })),
  {
    title: 'a rotationPeriod in days',
    spec: { signingKey: { rotationPeriod: '7d' } },
    says: ['spec.signingKey.rotationPeriod', `rotationPeriod "7d" is not a duration; ${form} 24h or 12h30m`],
  },
  ...['29s', '0s', '9999999h'].map((publishAhead) => ({
    title: `a publishAhead of ${publishAhead}`,
    spec: { signingKey: { publishAhead } },
    says: ['spec.signingKey.publishAhead', `publishAhead ${publishAhead} is not between 30s and 8760h; choose`],
  })),
  {
    title: 'a publishAhead that is no duration',
    spec: { signingKey: { publishAhead: 'soon' } },
    says: ['spec.signingKey.publishAhead', `publishAhead "soon" is not a duration; ${form} 1h or 30m`],
  },
  ...[
    { rotationPeriod: '2h', publishAhead: '2h' },
    { rotationPeriod: '1h', publishAhead: '90m' },
  ].map(({ rotationPeriod, publishAhead }) => ({
    title: `a publishAhead of ${publishAhead} with a rotationPeriod of ${rotationPeriod}`,
    spec: { signingKey: { rotationPeriod, publishAhead } },
    says: [
      'spec.signingKey.publishAhead',
      `publishAhead ${publishAhead} is not shorter than rotationPeriod ${rotationPeriod}; lower publishAhead or raise rotationPeriod`,
    ],
  })),
  {
    title: 'a rotationPeriod of half an hour with the default publishAhead',
    spec: { signingKey: { rotationPeriod: '30m' } },
    says: ['publishAhead 1h is not shorter than rotationPeriod 30m'],
  },
  {
    title: 'so many keys that a JWK Set would grow without bounds',
    spec: { ...token({ lifetime: '24h' }), signingKey: { rotationPeriod: '14m', publishAhead: '1m' } },
    says: [
      'spec.signingKey.rotationPeriod',
      "rotationPeriod 14m is shorter than a hundredth of a token's lifetime, so that more than 100 keys would stay published; raise rotationPeriod or lower the lifetime",
    ],
  },
  { title: 'an unknown field', spec: { token: [] }, says: ['unknown field "spec.token"'] },
  { title: 'an unknown field of a token', spec: token({ ttl: '1h' }), says: ['unknown field "spec.tokens[0].ttl"'] },
  {
    title: 'a certificate, which is not there yet',
    spec: { certificate: {} },
    says: ['unknown field "spec.certificate"'],
  },
]

describe('the API server refuses', () => {
  it.each(refusals)('$title', async ({ spec, name, says }) => {
    const error = await kubectl.refused(dryRun, { input: identity(spec, name) })
    for (const text of says) expect(error).toContain(text)
    // A rule that cannot be evaluated would show itself so.
    expect(error).not.toMatch(/evaluating rule|evaluation|budget|no such key/)
  })
})
