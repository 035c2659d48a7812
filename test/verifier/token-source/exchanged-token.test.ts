import { writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openidConfiguration } from '../../../src/authority/documents/discovery.ts'
import { mounted } from '../../../src/verifier/pod/env.ts'
import { ExchangedToken, type ExchangeOptions } from '../../../src/verifier/token-source/exchanged-token.ts'
import type { TokenSourceError } from '../../../src/verifier/token-source/token-source-error.ts'
import { eventually } from '../../builders/eventually.ts'
import { SecretFolder } from '../../builders/serving-certificate.ts'
import { FakeAuthority } from '../../fakes/authority.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { makeToken, now } from '../../builders/token.ts'

let authority: FakeAuthority
let folder: SecretFolder
let clock: HeldClock
let sources: ExchangedToken[]
/** What the endpoint answers; by default another token each time, good for five minutes. */
let answer: (response: ServerResponse, body: string, count: number) => Promise<void> | void
let asked: { readonly headers: IncomingMessage['headers']; readonly form: URLSearchParams }[]

const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const subjectToken = await makeToken({ claims: { jti: 'service-account' } })

beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.instead.set('/token', (request, response, body) => {
    asked.push({ headers: request.headers, form: new URLSearchParams(body) })
    void answer(response, body, asked.length)
  })
})

beforeEach(async () => {
  folder = await SecretFolder.create()
  await writeFile(join(folder.path, 'token'), subjectToken)
  clock = new HeldClock(now)
  sources = []
  asked = []
  answer = async (response, _, count) => json(response, 200, await granted({}, count))
})

afterEach(async () => {
  for (const source of sources) source.close()
  await folder.remove()
})

afterAll(() => authority.stop())

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

async function granted(different: Record<string, unknown> = {}, count = 1): Promise<Record<string, unknown>> {
  return {
    access_token: await makeToken({ claims: { iss: authority.issuer, jti: `granted-${count}` } }),
    issued_token_type: jwtType,
    token_type: 'Bearer',
    expires_in: 300,
    ...different,
  }
}

function sourceOf(options: Partial<ExchangeOptions> = {}): ExchangedToken {
  const source = new ExchangedToken(
    {
      issuer: authority.issuer,
      audience: 'payments',
      subjectTokenFile: join(folder.path, 'token'),
      ca: authority.ca,
      ...options,
    },
    mounted({}),
    { clock, random: () => 0 },
  )
  sources.push(source)
  return source
}

const jti = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: unknown }).jti

const failure = (source: ExchangedToken): Promise<TokenSourceError> =>
  source.token().then(
    () => expect.unreachable(),
    (error: unknown) => error as TokenSourceError,
  )

describe('an exchanged token', () => {
  it('is asked for as RFC 8693 says, once for all that want it', async () => {
    const source = sourceOf({ scope: 'read write' })
    const tokens = await Promise.all([source.token(), source.token(), source.token()])
    expect(new Set(tokens).size).toBe(1)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: jwtType,
      audience: 'payments',
      scope: 'read write',
    })
  })

  it('is asked for where discovery says: authorities have one endpoint for the issuers of all namespaces', async () => {
    const issuer = `${authority.issuer}/ns/shop`
    authority.instead.set('/ns/shop/.well-known/openid-configuration', (_, response) =>
      json(response, 200, openidConfiguration(issuer, authority.issuer)),
    )
    answer = async (response) =>
      json(response, 200, await granted({ access_token: await makeToken({ claims: { iss: issuer, jti: 'scope' } }) }))
    expect(jti(await sourceOf({ issuer }).token())).toBe('scope')
    expect(asked).toHaveLength(1)
  })

  it('I3: is asked for nowhere but on the origin of the issuer: the ServiceAccount token goes with it', async () => {
    const issuer = `${authority.issuer}/ns/strange`
    const strange = {
      ...openidConfiguration(issuer, authority.issuer),
      token_endpoint: 'https://attacker.example/token',
    }
    authority.instead.set('/ns/strange/.well-known/openid-configuration', (_, response) => json(response, 200, strange))
    const error = await failure(sourceOf({ issuer }))
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_SOURCE_UNAVAILABLE',
      cause: { message: expect.stringContaining('has no token_endpoint') as unknown },
    })
    expect(asked).toEqual([])
  })

  it('is kept, renewed in the background past three fifths of its life, and served meanwhile', async () => {
    const source = sourceOf()
    const first = await source.token()
    clock.advance(179_999)
    expect(await source.token()).toBe(first)
    expect(asked).toHaveLength(1)
    clock.advance(1)
    expect(await source.token()).toBe(first)
    await eventually(async () => expect(jti(await source.token())).toBe('granted-2'))
    expect(asked).toHaveLength(2)
  })

  it('serves to its end while it cannot be renewed, which is tried ever more rarely', async () => {
    const source = sourceOf()
    const first = await source.token()
    let answered = asked.length
    answer = (response) => {
      response.once('close', () => (answered += 1))
      json(response, 400, { error: 'invalid_request' })
    }
    for (let second = 180; second < 290; second += 1) {
      clock.advance(second === 180 ? 180_000 : 1000)
      expect(await source.token()).toBe(first)
      // One try at a time: let it go out, and come back.
      await new Promise((resolve) => setTimeout(resolve, 5))
      await eventually(() => expect(answered).toBe(asked.length))
    }
    expect(asked.length).toBeGreaterThan(5)
    expect(asked.length).toBeLessThan(20)
    clock.advance(1000)
    expect(await failure(source)).toMatchObject({ code: 'ERR_TOKEN_SOURCE_REFUSED', error: 'invalid_request' })
  })

  it('serves for a day at most, whatever the authority says', async () => {
    answer = async (response, _, count) => json(response, 200, await granted({ expires_in: 1e9 }, count))
    const source = sourceOf()
    await source.token()
    clock.advance(24 * 3_600_000)
    expect(jti(await source.token())).toBe('granted-2')
  })

  it('takes the ServiceAccount token that is current by then', async () => {
    const source = sourceOf()
    await source.token()
    const rotated = await makeToken({ claims: { jti: 'service-account-2' } })
    await writeFile(join(folder.path, 'token'), rotated)
    clock.advance(300_000)
    await source.token()
    expect(asked[1]?.form.get('subject_token')).toBe(rotated)
  })

  it('is asked for again where the authority is busy, no sooner than it says', async () => {
    const times: number[] = []
    answer = async (response, _, count) => {
      times.push(performance.now())
      if (count === 1) json(response, 503, { error: 'temporarily_unavailable' }, { 'retry-after': '1' })
      else if (count === 2) json(response, 429, {})
      else json(response, 200, await granted())
    }
    await sourceOf().token()
    expect(times).toHaveLength(3)
    expect(times[1]! - times[0]!).toBeGreaterThan(990)
  })

  it('is not waited for longer than makes sense, nor asked for by every call meanwhile', async () => {
    answer = (response) => json(response, 503, {}, { 'retry-after': '60' })
    const source = sourceOf()
    expect(await failure(source)).toMatchObject({ code: 'ERR_TOKEN_SOURCE_UNAVAILABLE', retryAfterMs: 60_000 })
    await failure(source)
    expect(asked).toHaveLength(1)
    clock.advance(59_999)
    await failure(source)
    expect(asked).toHaveLength(1)
    clock.advance(1)
    answer = async (response) => json(response, 200, await granted())
    expect(jti(await source.token())).toBe('granted-1')
  })

  it('gives up where the time is up', async () => {
    answer = () => undefined
    const error = await failure(sourceOf({ timeoutMs: 100 }))
    expect(error).toMatchObject({ code: 'ERR_TOKEN_SOURCE_UNAVAILABLE' })
  })

  it.each([
    ['invalid_request', 400],
    ['invalid_target', 400],
    ['invalid_client', 401],
    ['invalid_grant', 400],
  ])('I3: that is refused as %s is not asked for again, and the word is all that is shown', async (error, status) => {
    answer = (response, body) => json(response, status, { error, error_description: body })
    const refused = await failure(sourceOf())
    expect(refused).toMatchObject({ code: 'ERR_TOKEN_SOURCE_REFUSED', error })
    expect(refused.message).toBe(`the token endpoint responded with status ${status}: ${error}`)
    expect(asked).toHaveLength(1)
    expect(JSON.stringify(refused)).not.toContain('eyJ')
  })

  it('I3: is refused by something else with no word of what that said', async () => {
    answer = (response, body) => json(response, 403, { error: `eyJ ${body}` })
    const refused = await failure(sourceOf())
    expect(refused).toMatchObject({ error: undefined, message: 'the token endpoint responded with status 403' })
  })

  it.each<[string, () => Promise<unknown>]>([
    [
      'by another issuer',
      async () => granted({ access_token: await makeToken({ claims: { iss: 'https://other.example' } }) }),
    ],
    [
      'for another audience',
      async () => granted({ access_token: await makeToken({ claims: { iss: authority.issuer, aud: 'ledger' } }) }),
    ],
    [
      'for two audiences',
      async () =>
        granted({ access_token: await makeToken({ claims: { iss: authority.issuer, aud: ['payments', 'ledger'] } }) }),
    ],
    ['that is none', () => granted({ access_token: 'opaque' })],
    ['that is missing', () => granted({ access_token: undefined })],
    ['bound to a proof', () => granted({ token_type: 'DPoP' })],
    ['of another type', () => granted({ issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' })],
    ['without an end', () => granted({ expires_in: undefined })],
    ['that has ended', () => granted({ expires_in: 0 })],
    ['in a list', async () => [await granted()]],
  ])('is not what the authority gives %s', async (_, body) => {
    answer = async (response) => json(response, 200, await body())
    expect(await failure(sourceOf())).toMatchObject({ code: 'ERR_TOKEN_SOURCE_ANSWER' })
  })

  it('is not asked for without a ServiceAccount token, or from whom is not trusted', async () => {
    expect(await failure(sourceOf({ subjectTokenFile: join(folder.path, 'none') }))).toMatchObject({
      code: 'ERR_TOKEN_SOURCE_FILE',
    })
    const { ca } = await (await import('../../builders/serving-certificate.ts')).ServingAuthority.create()
    expect(await failure(sourceOf({ ca }))).toMatchObject({ code: 'ERR_TOKEN_SOURCE_UNAVAILABLE' })
    expect(asked).toEqual([])
  })

  it('is given no more once the source is closed', async () => {
    answer = () => undefined
    const source = sourceOf()
    const waiting = failure(source)
    await eventually(() => expect(asked).toHaveLength(1))
    source.close()
    expect(await waiting).toMatchObject({ code: 'ERR_TOKEN_SOURCE_UNAVAILABLE' })
  })

  it('is not asked for once the source is closed', async () => {
    const source = sourceOf()
    source.close()
    expect(await failure(source)).toMatchObject({ code: 'ERR_TOKEN_SOURCE_UNAVAILABLE' })
    expect(asked).toEqual([])
  })

  it.each(['audience', 'issuer', 'subjectTokenFile'] as const)('needs an %s', (name) => {
    expect(() => sourceOf({ [name]: '' })).toThrow(TypeError)
    expect(() => sourceOf({ issuer: 'http://issuer.example' })).toThrow(TypeError)
  })
})
