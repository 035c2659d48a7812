import { beforeEach, describe, expect, it } from 'vitest'
import { Authenticator, type SignetToken } from '../../../src/authority/callers/authenticator.ts'
import { OAuthError } from '../../../src/authority/oauth/oauth-error.ts'
import { jwtBearerAssertion } from '../../../src/authority/oauth/parameters.ts'
import { RateLimit } from '../../../src/authority/oauth/rate-limit.ts'
import { TokenError } from '../../../src/tokens/token-error.ts'
import { boundTo, ourIssuer } from '../../builders/account-token.ts'
import { clientCertificate } from '../../builders/client-certificate.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const now = Date.now()
const identity = { namespace: 'shop', name: 'orders' }
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const proof = { ...boundTo(), notBefore: now, expiresAt: now + 1_000, key: keys.RS256.publicJwk }
const own = (aud: string | readonly string[], trustDomain = 'cluster.local'): SignetToken => ({
  claims: { aud, exp: Math.floor(now / 1000) + 60 },
  subject: { trustDomain, ...identity },
})
/** What verifies, by the text of the token. */
const signetTokens = new Map<string, SignetToken>([
  ['own', own(ourIssuer)],
  ['own-for-two', own(['payments', ourIssuer])],
  ['own-for-other', own('payments')],
  ['own-for-longer', own(`${ourIssuer}/ns/shop`)],
  ['own-for-others', own(['payments', `${ourIssuer}/ns/shop`])],
  ['own-of-other-domain', own(ourIssuer, 'other.example')],
  ['own-revoked', own(ourIssuer)],
])

const undecided = new OAuthError('temporarily_unavailable', 'keys of the cluster cannot be read')

let existing: Set<string>
let ready: boolean
let authenticator: Authenticator

beforeEach(() => {
  existing = new Set(['shop/orders'])
  ready = true
  authenticator = create()
})

function create(perSecond = 0): Authenticator {
  return new Authenticator({
    issuer: ourIssuer,
    trustDomain: 'cluster.local',
    serviceAccounts: {
      appliesTo: (token) => token.startsWith('account'),
      prove: async (token) => {
        if (token === 'account') return proof
        if (token === 'account-undecided') throw undecided
        throw new TokenError('ERR_TOKEN_EXPIRED', 'token has expired')
      },
    },
    signetTokens: {
      verify: async (token) => signetTokens.get(token),
      isLive: (token) => token !== signetTokens.get('own-revoked'),
    },
    identities: { ready: () => ready, exists: ({ namespace, name }) => existing.has(`${namespace}/${name}`) },
    rates: new RateLimit({ perSecond, burstSeconds: 1 }),
    clock: { now: () => now, monotonic: () => 0 },
  })
}

const assertion = (clientAssertion: string) => ({ clientAssertionType: jwtBearerAssertion, clientAssertion })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('Authenticator', () => {
  it('counts who sends a request, and not whom it only names', async () => {
    authenticator = create(1)
    for (let count = 0; count < 3; count += 1) await authenticator.identify(bearer('account'))
    await authenticator.authenticate(bearer('account'))
    await expect(authenticator.authenticate(bearer('account'))).rejects.toMatchObject({ status: 429 })
  })

  it.each([
    ['an assertion', assertion('account'), 'service-account-token', now + 1_000],
    ['a ServiceAccount token as Bearer', bearer('account'), 'service-account-token', now + 1_000],
    ['the scheme in other letters', { authorization: 'bearer account' }, 'service-account-token', now + 1_000],
    ['a Signet token', bearer('own'), 'signet-token', (Math.floor(now / 1000) + 60) * 1000],
    ['a Signet token for several', bearer('own-for-two'), 'signet-token', (Math.floor(now / 1000) + 60) * 1000],
  ])('knows a caller by %s', async (_, presented, credential, expiresAt) => {
    expect(await authenticator.authenticate(presented)).toEqual({ identity, subject, credential, expiresAt })
  })

  it.each<[string, object, string]>([
    ['nothing', {}, 'none'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'scheme'],
    ['a scheme alone', { authorization: 'Bearer' }, 'scheme'],
    ['two tokens', { authorization: 'Bearer account own' }, 'scheme'],
    ['a ServiceAccount token that proves nothing', bearer('account-of-the-dead'), 'ERR_TOKEN_EXPIRED'],
    ['an assertion that proves nothing', assertion('account-of-the-dead'), 'ERR_TOKEN_EXPIRED'],
    ['an assertion that is a Signet token', assertion('own'), 'ERR_TOKEN_EXPIRED'],
    ['a token of nobody', bearer('unknown'), 'own-token'],
    ['a revoked Signet token', bearer('own-revoked'), 'own-token'],
    ['a Signet token for another', bearer('own-for-other'), 'own-token-audience'],
    ['a Signet token for an audience that begins with the issuer', bearer('own-for-longer'), 'own-token-audience'],
    ['a Signet token for several others', bearer('own-for-others'), 'own-token-audience'],
    ['a Signet token of another trust domain', bearer('own-of-other-domain'), 'own-token-audience'],
    ['a certificate that is none', { peerCertificate: Buffer.from('x') }, 'certificate'],
  ])('refuses %s', async (_, presented, reason) => {
    await expect(authenticator.authenticate(presented)).rejects.toMatchObject({ error: 'invalid_client', reason })
  })

  it.each<[string, object]>([
    ['two ways at once', { ...assertion('account'), ...bearer('account') }],
    ['an assertion without its type', { clientAssertion: 'account' }],
    ['an assertion of another type', { clientAssertionType: 'urn:x', clientAssertion: 'account' }],
    ['a type without an assertion', { clientAssertionType: jwtBearerAssertion }],
  ])('says that %s is no request', async (_, presented) => {
    await expect(authenticator.authenticate(presented)).rejects.toMatchObject({ error: 'invalid_request' })
  })

  it('refuses a caller without an identity, even with a valid credential', async () => {
    existing.clear()
    const certificate = { peerCertificate: await clientCertificate({ uris: [subject] }) }
    for (const presented of [assertion('account'), bearer('account'), bearer('own'), certificate]) {
      await expect(authenticator.authenticate(presented)).rejects.toMatchObject({ reason: 'no-identity', status: 401 })
    }
  })

  it('I6: cannot tell before all identities have been read', async () => {
    ready = false
    const answer = authenticator.authenticate(assertion('account'))
    await expect(answer).rejects.toMatchObject({ error: 'temporarily_unavailable', retryAfter: 2 })
  })

  it('I6: does not refuse a ServiceAccount token that cannot be decided', async () => {
    await expect(authenticator.authenticate(bearer('account-undecided'))).rejects.toBe(undecided)
  })

  it('says the same of every proof that does not hold', async () => {
    const said = new Set<string>()
    for (const presented of [{}, bearer('unknown'), bearer('own-for-other'), assertion('account-of-the-dead')]) {
      said.add(String(await authenticator.authenticate(presented).catch((error: unknown) => error)))
    }
    expect(said.size).toBe(1)
    expect([...said][0]).toContain(ourIssuer)
  })

  it('limits how often one identity asks, however it proves itself, and no other', async () => {
    authenticator = create(2)
    // Of another name, and of the same in another namespace.
    const others = [
      { namespace: 'shop', name: 'other' },
      { namespace: 'billing', name: 'orders' },
    ]
    for (const { namespace, name } of others) {
      existing.add(`${namespace}/${name}`)
      signetTokens.set(`own-of-${namespace}`, {
        ...own(ourIssuer),
        subject: { trustDomain: 'cluster.local', namespace, name },
      })
    }
    await authenticator.authenticate(assertion('account'))
    await authenticator.authenticate(bearer('own'))
    const third = authenticator.authenticate(bearer('account'))
    await expect(third).rejects.toMatchObject({ status: 429, retryAfter: 1 })
    for (const { namespace } of others) {
      await expect(authenticator.authenticate(bearer(`own-of-${namespace}`))).resolves.toBeDefined()
    }
  })
})

describe('a client certificate', () => {
  it('names its identity, until it ends', async () => {
    const peerCertificate = await clientCertificate({ uris: [subject], notAfter: now + 5_000 })
    const { credential, expiresAt, ...caller } = await authenticator.authenticate({ peerCertificate })
    expect([caller, credential]).toEqual([{ identity, subject }, 'client-certificate'])
    // Certificates tell whole seconds.
    expect(expiresAt).toBe(Math.floor((now + 5_000) / 1000) * 1000)
  })

  it.each<[string, Parameters<typeof clientCertificate>[0]]>([
    ['has ended', { uris: [subject], notAfter: now - 1_000 }],
    ['is not valid yet', { uris: [subject], notBefore: now + 60_000 }],
    ['names nobody', { uris: [] }],
    ['names two', { uris: [subject, 'spiffe://cluster.local/ns/shop/sa/payments'] }],
    ['is of another trust domain', { uris: ['spiffe://other.example/ns/shop/sa/orders'] }],
    ['names something else', { uris: ['https://cluster.local/ns/shop/sa/orders'] }],
    ['has the name for a DNS name', { uris: [], dnsNames: ['orders.shop.svc'] }],
  ])('is refused that %s', async (_, options) => {
    const peerCertificate = await clientCertificate(options)
    await expect(authenticator.authenticate({ peerCertificate })).rejects.toMatchObject({ reason: 'certificate' })
  })

  it('counts for nothing beside a token: the connection may be anybody’s', async () => {
    const peerCertificate = await clientCertificate({ uris: ['spiffe://cluster.local/ns/shop/sa/payments'] })
    const caller = await authenticator.authenticate({ peerCertificate, ...bearer('own') })
    expect(caller.subject).toBe(subject)
    await expect(authenticator.authenticate({ peerCertificate, ...bearer('unknown') })).rejects.toThrow()
  })
})
