import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { issuer } from '../../bench/authority-fleet.ts'
import { SECOND } from '../../src/time/duration.ts'
import { grants, tokenTypeUris } from '../../src/authority/oauth/parameters.ts'
import { parseJwks } from '../../src/keys/jwks.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { servingName } from '../builders/serving-certificate.ts'

/** A token of the authority's own. */
export interface GivenOut {
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

/** How the authority refuses what it has no time for; it says nothing of the API server. */
const tooMuch = 'the server is overloaded'
const mostAttempts = 10

/**
 * One workload that asks an authority, and rejects with a sentence for every answer that is not what it should be. On a
 * busy machine the authority may have no time for it: then it asks again when it is told to, as every client should.
 */
export class AuthorityUnderOutage {
  /** Answers that there was no time for it. */
  shed = 0
  readonly #pool: Pool
  readonly #proof: string

  constructor({ port, ca, proof }: { port: number; ca: string; proof: string }) {
    const connect = { ca, servername: servingName }
    const patienceMs = 10 * SECOND
    this.#pool = new Pool(`https://127.0.0.1:${port}`, {
      connections: 4,
      connect,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
    })
    this.#proof = proof
  }

  async exchange(audience: string): Promise<GivenOut> {
    const answer = await this.#exchange(this.#proof, audience)
    expectStatus(answer, 200)
    const { access_token: token } = JSON.parse(answer.body) as { access_token: string }
    const { claims } = decodeToken(token)
    return { token, expiresAt: Number(claims.exp) * SECOND }
  }

  async revoke(token: string): Promise<void> {
    expectStatus(await this.#form('/revoke', { token }), 200)
  }

  async expectActive(token: string, expected: boolean): Promise<void> {
    const answer = await this.#form('/introspect', { token })
    expectStatus(answer, 200)
    const { active } = JSON.parse(answer.body) as { active: unknown }
    if (active !== expected) throw new Error(`active is ${String(active)}`)
  }

  /** The token verifies with the key set that is served now. */
  async expectPublished(token: string): Promise<void> {
    const answer = await this.#get('/jwks.json')
    const published = new Map(parseJwks(answer.body).map((key) => [key.kid, key]))
    verifyTokenSync(token, { keys: (kid) => published.get(kid), issuer, audience: undefined, now: Date.now() })
  }

  async expectListed(token: string): Promise<void> {
    const { jti } = decodeToken(token).claims
    const answer = await this.#get('/revocations')
    const { revocations } = JSON.parse(answer.body) as { revocations: { jti?: string }[] }
    if (!revocations.some((revocation) => revocation.jti === jti)) throw new Error('the revoked token is not listed')
  }

  /** Neither done nor refused, and when to ask again. */
  async expectNotRevoked(token: string): Promise<void> {
    expectRetryLater(await this.#form('/revoke', { token }))
  }

  /** What was found to be absent `mayBeDenied` for a moment, though nobody can be asked any more. */
  async expectNoExchange(proof: string, { mayBeDenied }: { readonly mayBeDenied: boolean }): Promise<void> {
    const answer = await this.#exchange(proof, 'payments')
    if (!mayBeDenied || answer.status !== 400) expectRetryLater(answer)
  }

  async refusesExchange(proof: string, status: number): Promise<boolean> {
    return (await this.#exchange(proof, 'payments')).status === status
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  #exchange(proof: string, audience: string): Promise<Answer> {
    const types = { grant_type: grants.exchange, subject_token_type: tokenTypeUris.jwt }
    return this.#request('/token', { ...types, subject_token: proof, audience }, {})
  }

  #form(path: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#request(path, parameters, { authorization: `Bearer ${this.#proof}` })
  }

  async #get(path: string): Promise<Answer> {
    const answer = await this.#request(path)
    expectStatus(answer, 200)
    return answer
  }

  async #request(
    path: string,
    parameters?: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#requestOnce(path, parameters, headers)
      const { status, body, retryAfter } = answer
      if (status !== 503 || !body.includes(tooMuch)) return answer
      this.shed += 1
      if (attempt === mostAttempts) return answer
      await sleep(Number(retryAfter) * SECOND)
    }
  }

  async #requestOnce(
    path: string,
    parameters: Readonly<Record<string, string>> | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const form =
      parameters === undefined
        ? ({ method: 'GET' } as const)
        : ({ method: 'POST', body: new URLSearchParams(parameters).toString() } as const)
    const type = parameters === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await this.#pool.request({ path, ...form, headers: { ...headers, ...type } })
    const { 'retry-after': retryAfter } = answer.headers
    return { status: answer.statusCode, retryAfter: retryAfter?.toString(), body: await answer.body.text() }
  }
}

function expectStatus({ status, body }: Answer, expected: number): void {
  if (status === expected) return
  // Bodies of refusals hold no token.
  throw new Error(`answered ${status}${status === 200 ? '' : `: ${body}`}`)
}

function expectRetryLater(answer: Answer): void {
  expectStatus(answer, 503)
  if (answer.body.includes(tooMuch)) throw new Error(`answered 503: ${tooMuch}`)
  if (!/^\d+$/.test(answer.retryAfter ?? '')) throw new Error('answered 503 without Retry-After')
}
