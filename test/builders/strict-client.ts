import * as oauth from 'oauth4webapi'
import { grants, jwtBearerAssertion } from '../../src/authority/oauth/parameters.ts'
import type { DescribedAnswer } from '../conformance/described-api.ts'
import type { RunningAuthority } from './running-authority.ts'

/** A request as the client is about to send it. */
export interface Outgoing {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** How a request differs from a good one. */
export interface Difference {
  readonly authentication?: oauth.ClientAuth
  /** Makes of a request what the client would never send; the client judges the answer all the same. */
  readonly alter?: (request: Outgoing) => Outgoing
}

/** Authenticates with a ServiceAccount token as client assertion (RFC 7523 §2.2). */
export function assertion(text: string): oauth.ClientAuth {
  return (_server, { client_id: id }, body) => {
    body.set('client_id', id)
    body.set('client_assertion_type', jwtBearerAssertion)
    body.set('client_assertion', text)
  }
}

/** oauth4webapi, which refuses every answer that is not exactly what the RFCs say, as one client of an authority. */
export class StrictClient {
  readonly authority: RunningAuthority
  #last: DescribedAnswer | undefined
  readonly #client: oauth.Client
  #server: oauth.AuthorizationServer

  private constructor(authority: RunningAuthority, subject: string) {
    this.authority = authority
    this.#client = { client_id: subject }
    this.#server = { issuer: authority.issuer }
  }

  /** After discovery. */
  static async of(authority: RunningAuthority, subject: string): Promise<StrictClient> {
    const client = new StrictClient(authority, subject)
    const issuer = new URL(authority.issuer)
    const answer = await oauth.discoveryRequest(issuer, {
      [oauth.customFetch]: authority.fetch,
      algorithm: 'oauth2',
    })
    client.#server = await oauth.processDiscoveryResponse(issuer, answer)
    return client
  }

  /** What was answered last, as it came; throws where nothing was since it was forgotten. */
  get last(): DescribedAnswer {
    if (this.#last === undefined) throw new Error('nothing was answered')
    return this.#last
  }

  forget(): void {
    this.#last = undefined
  }

  async token(grant: string, parameters: Record<string, string>, how: Difference = {}): Promise<string> {
    const { authentication = oauth.None() } = how
    const [server, client] = [this.#server, this.#client]
    const answer = await oauth.genericTokenEndpointRequest(
      ...([server, client, authentication, grant, parameters, this.#options(how)] as const),
    )
    const { access_token: token } = await oauth.processGenericTokenEndpointResponse(server, client, answer)
    return token
  }

  async clientCredentials(how: Difference = {}): Promise<string> {
    return this.token(grants.clientCredentials, {}, how)
  }

  async introspect(token: string, how: Difference = {}): Promise<oauth.IntrospectionResponse> {
    const { authentication = oauth.None() } = how
    const [server, client] = [this.#server, this.#client]
    const answer = await oauth.introspectionRequest(server, client, authentication, token, this.#options(how))
    return oauth.processIntrospectionResponse(server, client, answer)
  }

  async revoke(token: string, how: Difference = {}): Promise<void> {
    const { authentication = oauth.None() } = how
    const answer = await oauth.revocationRequest(
      ...([this.#server, this.#client, authentication, token, this.#options(how)] as const),
    )
    await oauth.processRevocationResponse(answer)
  }

  #options({ alter = (request) => request }: Difference) {
    return {
      [oauth.customFetch]: async (
        url: string,
        init: { method: string; headers: Record<string, string>; body: unknown },
      ) => {
        const { method, headers } = init
        const request = alter({ method, headers, body: String(init.body) })
        const answer = await this.authority.fetch(url, { ...init, ...request })
        this.#last = {
          method: request.method,
          path: new URL(url).pathname,
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: await answer.clone().text(),
        }
        return answer
      },
    }
  }
}
