import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenErrorCode } from '../../src/tokens/token-error.ts'
import { createVerifier, type Verifier } from '../../src/verifier/verification/verifier.ts'
import { FakeAuthority } from '../fakes/authority.ts'
import { HeldClock } from '../fakes/held-clock.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { type Difference, encode, makeToken, now, subject } from '../builders/token.ts'
import { twinOf } from '../builders/signature-twin.ts'

/** What attackers send, against the SDK as services use it: keys and revocations come over HTTPS. */
const admin = 'spiffe://cluster.local/ns/shop/sa/admin'
const es256 = keys.ES256.publicJwk
const rs256 = keys.RS256.publicJwk
const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const clock = new HeldClock(now)

let authority: FakeAuthority
let verifier: Verifier

beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.keys = [{ ...es256, sub: subject }, { ...keys.other.publicJwk, sub: admin }, rs256]
  authority.revocations = [{ sub: subject, jti: 'revoked', exp: now / 1000 + 3600 }]
  verifier = createVerifier({ issuer: authority.issuer, audience: 'payments', ca: authority.ca }, { clock })
  await verifier.ready()
})

afterAll(async () => {
  verifier.close()
  await authority.stop()
})

const good = (different: Difference = {}): Promise<string> =>
  makeToken({ ...different, claims: { iss: authority.issuer, ...different.claims } })

/** A token with another header over the good claims, signed by whatever. */
async function withHeader(header: object, signature: (input: string) => Buffer): Promise<string> {
  const [, claims] = (await good()).split('.')
  const input = `${encode(JSON.stringify(header))}.${claims}`
  return `${input}.${signature(input).toString('base64url')}`
}

const byAttacker = (input: string): Buffer =>
  sign('sha256', Buffer.from(input), { key: attacker.privateKey, dsaEncoding: 'ieee-p1363' })
const attackerJwk = { ...attacker.publicKey.export({ format: 'jwk' }), kid: es256.kid, alg: 'ES256' }
const pem = createPublicKey({ key: { ...rs256 }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
const hmac =
  (secret: string | Buffer) =>
  (input: string): Buffer =>
    createHmac('sha256', secret).update(input).digest()

const code = (token: unknown): Promise<unknown> =>
  verifier.verify(token as string).then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  )

interface Row {
  readonly what: string
  readonly token: () => Promise<unknown>
  readonly code: TokenErrorCode | 'accepted'
}
const row = (what: string, token: () => Promise<unknown>, expected: Row['code']): Row => ({
  what,
  token,
  code: expected,
})
const header = (what: string, different: Record<string, unknown>, expected: Row['code'] = 'ERR_TOKEN_HEADER'): Row =>
  row(what, () => good({ header: different }), expected)
const claims = (what: string, different: Record<string, unknown>, expected: Row['code'] = 'ERR_TOKEN_CLAIM'): Row =>
  row(what, () => good({ claims: different }), expected)

const algorithms: readonly Row[] = [
  row('alg none', () => withHeader({ alg: 'none', kid: es256.kid }, () => Buffer.alloc(64)), 'ERR_TOKEN_ALGORITHM'),
  row(
    'alg none without a signature',
    async () => {
      const [, body] = (await good()).split('.')
      return `${encode(JSON.stringify({ alg: 'none', kid: es256.kid }))}.${body}.`
    },
    'ERR_TOKEN_MALFORMED',
  ),
  ...['None', 'NONE', 'nOnE', '', 'es256', 'ES512', 'HS256', 'ES256K', 'RSA1_5', 'dir'].map((alg) =>
    header(`alg ${JSON.stringify(alg)}`, { alg }, 'ERR_TOKEN_ALGORITHM'),
  ),
  row(
    'HS256 with the public key in PEM',
    () => withHeader({ alg: 'HS256', kid: rs256.kid }, hmac(pem)),
    'ERR_TOKEN_ALGORITHM',
  ),
  row(
    'HS256 with the modulus',
    () => withHeader({ alg: 'HS256', kid: rs256.kid }, hmac(Buffer.from(rs256.n ?? '', 'base64url'))),
    'ERR_TOKEN_ALGORITHM',
  ),
  row('RS256 signed with HMAC', () => withHeader({ alg: 'RS256', kid: rs256.kid }, hmac(pem)), 'ERR_TOKEN_SIGNATURE'),
  row('PS256 over an RS256 key', () => withHeader({ alg: 'PS256', kid: rs256.kid }, hmac(pem)), 'ERR_TOKEN_ALGORITHM'),
  row('RS256 over an EC key', () => withHeader({ alg: 'RS256', kid: es256.kid }, byAttacker), 'ERR_TOKEN_ALGORITHM'),
]

const kids: readonly Row[] = [
  ...[
    '../../../../dev/null',
    '/proc/sys/kernel/randomize_va_space',
    "' UNION SELECT 'secret' --",
    'key\0',
    `${es256.kid}\0`,
    ` ${es256.kid}`,
    `${es256.kid}\n`,
    '$(id)',
    'http://attacker.example/key',
    'é',
    'k'.repeat(65),
    'k'.repeat(5000),
    '',
  ].map((kid) => header(`kid ${JSON.stringify(kid.slice(0, 40))}`, { kid })),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'size', 'get'].map((kid) =>
    header(`kid ${kid}`, { kid }, 'ERR_TOKEN_KEY_UNKNOWN'),
  ),
  ...[undefined, null, 0, true, [es256.kid], { kid: es256.kid }].map((kid) =>
    header(`kid ${JSON.stringify(kid)}`, { kid }),
  ),
]

const parameters: readonly Row[] = [
  row(
    "the attacker's key as jwk",
    () => withHeader({ alg: 'ES256', kid: es256.kid, jwk: attackerJwk }, byAttacker),
    'ERR_TOKEN_HEADER',
  ),
  row(
    "the attacker's key without it",
    () => withHeader({ alg: 'ES256', kid: es256.kid }, byAttacker),
    'ERR_TOKEN_SIGNATURE',
  ),
  header('jku', { jku: 'https://attacker.example/jwks.json' }),
  header('x5u', { x5u: 'https://attacker.example/chain.pem' }),
  header('x5c', { x5c: ['MIIB'] }),
  header('x5t#S256', { 'x5t#S256': 'abc' }),
  header('crit', { crit: ['exp'] }),
  header('crit of nothing', { crit: [] }),
  header('b64', { b64: false, crit: ['b64'] }),
  header('zip', { zip: 'DEF' }),
  header('cty', { cty: 'JWT' }),
  header('iss in the header', { iss: 'x' }),
  header('typ of another purpose', { typ: 'logout+jwt' }, 'ERR_TOKEN_TYPE'),
  header('typ of a number', { typ: 1 }, 'ERR_TOKEN_TYPE'),
]

const texts: readonly Row[] = [
  row('a missing issuer', () => good({ claims: { iss: undefined } }), 'ERR_TOKEN_CLAIM'),
  ...(['iss', 'sub', 'aud', 'jti', 'exp', 'iat', 'nbf'] as const).flatMap((name) =>
    [null, true, {}, [], [[name]], '', 1e400, -1, '1'].map((value) =>
      row(
        `${name} ${value === Infinity ? '1e400' : JSON.stringify(value)}`,
        async () => {
          const text = JSON.stringify({
            ...(JSON.parse(Buffer.from((await good()).split('.')[1] ?? '', 'base64url').toString()) as object),
            [name]: 'REPLACED',
          })
          const json = value === Infinity ? '1e400' : JSON.stringify(value)
          return good({ claimsText: text.replace('"REPLACED"', json) })
        },
        expectedFor(name, value),
      ),
    ),
  ),
  claims('exp missing', { exp: undefined }),
  claims('iat missing', { iat: undefined }),
  claims('jti missing', { jti: undefined }),
  claims('aud missing', { aud: undefined }),
  claims('a lone surrogate for a jti', { jti: '\ud800' }),
  claims('a jti without end', { jti: 'j'.repeat(2049) }),
  claims('seventeen audiences', { aud: Array.from({ length: 17 }, () => 'payments') }),
  claims('a scope that is a list', { scope: ['read'] }),
  claims('another issuer', { iss: 'https://attacker.example' }, 'ERR_TOKEN_ISSUER'),
  claims('another audience', { aud: 'ledger' }, 'ERR_TOKEN_AUDIENCE'),
  claims('an audience that begins alike', { aud: 'payments-test' }, 'ERR_TOKEN_AUDIENCE'),
  claims('an audience in other letters', { aud: 'Payments' }, 'ERR_TOKEN_AUDIENCE'),
  row('an issuer with a slash', () => good({ claims: { iss: `${authority.issuer}/` } }), 'ERR_TOKEN_ISSUER'),
  row(
    'a member twice',
    async () => {
      const text = Buffer.from((await good()).split('.')[1] ?? '', 'base64url').toString()
      return good({ claimsText: text.replace('{', '{"aud":"payments",') })
    },
    'ERR_TOKEN_MALFORMED',
  ),
  row(
    'a member twice, once escaped',
    async () => {
      const text = Buffer.from((await good()).split('.')[1] ?? '', 'base64url').toString()
      return good({ claimsText: text.replace('{', String.raw`{"\u0061ud":"payments",`) })
    },
    'ERR_TOKEN_MALFORMED',
  ),
  row(
    'a header member twice',
    () => {
      return good({ headerText: `{"alg":"none","alg":"ES256","kid":"${es256.kid}"}` })
    },
    'ERR_TOKEN_MALFORMED',
  ),
  row(
    '__proto__ among the claims',
    async () => {
      const text = Buffer.from((await good()).split('.')[1] ?? '', 'base64url').toString()
      return good({ claimsText: text.replace('{', '{"__proto__":{"admin":true},') })
    },
    'ERR_TOKEN_MALFORMED',
  ),
  row('claims that are a list', () => good({ claimsText: '[]' }), 'ERR_TOKEN_MALFORMED'),
  row('claims that are no JSON', () => good({ claimsText: '{' }), 'ERR_TOKEN_MALFORMED'),
  row('claims that are no UTF-8', () => good({ claimsText: Buffer.from([0x7b, 0xff, 0x7d]) }), 'ERR_TOKEN_MALFORMED'),
  row('claims without end of nesting', () => good({ claimsText: '['.repeat(3000) }), 'ERR_TOKEN_MALFORMED'),
]

/** Each type and value has its own reason; none is accepted but for a list of the one audience. */
function expectedFor(name: string, value: unknown): Row['code'] {
  if (name === 'iss' && value === '1') return 'ERR_TOKEN_ISSUER'
  // The key is bound to its subject before any claim is checked.
  if (name === 'sub') return 'ERR_TOKEN_SUBJECT'
  if (name === 'jti' && value === '1') return 'accepted'
  if (name === 'aud' && value === '1') return 'ERR_TOKEN_AUDIENCE'
  return 'ERR_TOKEN_CLAIM'
}

const forms: readonly Row[] = [
  ...[
    (token: string) => ` ${token}`,
    (token: string) => `${token} `,
    (token: string) => `${token}\n`,
    (token: string) => `${token}=`,
    (token: string) => `${token}==`,
    (token: string) => token.replace('.', '=.'),
    (token: string) => token.replace('.', ' .'),
    (token: string) => `${token.slice(0, -4)}\n${token.slice(-4)}`,
    (token: string) => `${token}.`,
    (token: string) => `.${token}`,
    (token: string) => `${token}..`,
    (token: string) => `${token}.a.b`,
    (token: string) => token.replaceAll('.', '..'),
    (token: string) => token.slice(0, token.lastIndexOf('.')),
    (token: string) => token.slice(0, token.lastIndexOf('.') + 1),
    (token: string) => token.slice(token.indexOf('.') + 1),
    (token: string) => `Bearer ${token}`,
    (token: string) => `${token}\0`,
    (token: string) => `\ufeff${token}`,
    (token: string) => `${token.slice(0, -1)}+`,
    (token: string) => `${token.slice(0, -1)}é`,
    // Stray bits: decoders that are not strict take it for the same signature.
    (token: string) => `${token.slice(0, -1)}${'AQgw'.includes(token.at(-1) ?? '') ? 'B' : 'x'}`,
    (token: string) => `${token}${'A'.repeat(1024 * 1024)}`,
    () => 'A'.repeat(1024 * 1024),
    () => '.'.repeat(1024 * 1024),
    () => `${'A'.repeat(8000)}.${'A'.repeat(8000)}.${'A'.repeat(8000)}`,
    () => '',
    () => '..',
    () => JSON.stringify({ payload: 'e30', signatures: [] }),
  ].map((change, index) => row(`form ${index + 1}`, async () => change(await good()), 'ERR_TOKEN_MALFORMED')),
  row(
    'the last character changed',
    async () => {
      const token = await good()
      return `${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}`
    },
    'ERR_TOKEN_SIGNATURE',
  ),
  ...[undefined, null, 1, {}, ['a.b.c'], Buffer.from('a.b.c')].map((value) =>
    row(`a token that is ${JSON.stringify(value)}`, async () => value, 'ERR_TOKEN_MALFORMED'),
  ),
]

const subjects: readonly Row[] = [
  row(
    "another identity's key for its own subject",
    () => good({ key: keys.other, claims: { sub: admin } }),
    'accepted',
  ),
  row("another identity's key for this subject", () => good({ key: keys.other }), 'ERR_TOKEN_SUBJECT'),
  claims('this key for another subject', { sub: admin }, 'ERR_TOKEN_SUBJECT'),
  claims('this key for a subject that begins alike', { sub: `${subject}/x` }, 'ERR_TOKEN_SUBJECT'),
  claims('this key for a subject in other letters', { sub: subject.toUpperCase() }, 'ERR_TOKEN_SUBJECT'),
  row('a key that is published nowhere', () => good({ key: keys.EdDSA }), 'ERR_TOKEN_KEY_UNKNOWN'),
  claims('a revoked token', { jti: 'revoked' }, 'ERR_TOKEN_REVOKED'),
  row(
    'the twin of a revoked token',
    async () => twinOf(await good({ claims: { jti: 'revoked' } })),
    'ERR_TOKEN_REVOKED',
  ),
  row('the twin of a good token', async () => twinOf(await good()), 'accepted'),
]

const seconds = now / 1000
const times: readonly Row[] = [
  claims('expired a minute ago', { exp: seconds - 60 }, 'ERR_TOKEN_EXPIRED'),
  claims('expired a second less ago', { exp: seconds - 59, iat: seconds - 100 }, 'accepted'),
  claims('issued a minute ahead', { iat: seconds + 60, nbf: seconds }, 'accepted'),
  claims('issued a second more ahead', { iat: seconds + 61, nbf: seconds }, 'ERR_TOKEN_NOT_YET_VALID'),
  claims('valid from a minute ahead', { nbf: seconds + 60 }, 'accepted'),
  claims('valid from a second more ahead', { nbf: seconds + 61 }, 'ERR_TOKEN_NOT_YET_VALID'),
  claims('valid for a day', { iat: seconds, exp: seconds + 86_400 }, 'accepted'),
  claims('valid for a second more', { iat: seconds, exp: seconds + 86_401 }, 'ERR_TOKEN_LIFETIME'),
  claims('ending as it begins', { iat: seconds, exp: seconds }, 'ERR_TOKEN_LIFETIME'),
  claims('ending before it begins', { iat: seconds + 30, exp: seconds + 20 }, 'ERR_TOKEN_LIFETIME'),
  claims('valid for ever', { exp: Number.MAX_SAFE_INTEGER }),
]

describe.each<[string, readonly Row[]]>([
  ['algorithms', algorithms],
  ['key IDs', kids],
  ['header parameters', parameters],
  ['claims', texts],
  ['forms', forms],
  ['subjects', subjects],
  ['times', times],
])('a hostile token: %s', (_, rows) => {
  it.each(rows)('$what: $code', async ({ token, code: expected }) => {
    expect(await code(await token())).toBe(expected)
  })
})

describe('a hostile JWK', () => {
  it.each<[string, Record<string, unknown>]>([
    ['for encryption', { use: 'enc' }],
    ['whose operations are to encrypt', { key_ops: ['encrypt'] }],
    ['with an exponent of 1', { e: 'AQ' }],
    ['with an even exponent', { e: 'AQAA' }],
    ['of 1024 bits', { n: rs256.n?.slice(0, 171) }],
    ['that is also private', { d: 'AAAA' }],
    ['of another kid', { kid: 'x' }],
  ])('%s verifies nothing', async (_, different) => {
    const other = await FakeAuthority.start()
    other.keys = [es256, { ...rs256, ...different }]
    const shy = createVerifier({ issuer: other.issuer, audience: 'payments', ca: other.ca }, { clock })
    try {
      await shy.ready()
      const token = await makeToken({ key: keys.RS256, claims: { iss: other.issuer } })
      await expect(shy.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
      await expect(shy.verify(await makeToken({ claims: { iss: other.issuer } }))).resolves.toBeDefined()
    } finally {
      shy.close()
      await other.stop()
    }
  })
})

it('made the verifier send no more requests than its limits allow, and none to another host', () => {
  expect(authority.count('/jwks.json')).toBeLessThanOrEqual(2)
  const paths = ['/.well-known/openid-configuration', '/jwks.json', '/revocations']
  expect([...new Set(authority.seen.map(({ path }) => path))].sort()).toEqual(paths)
})
