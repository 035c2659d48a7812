import * as oauth from 'oauth4webapi'
import { Agent, fetch as undiciFetch, type RequestInit } from 'undici'
import { grants, jwtBearerAssertion, tokenTypeUris } from '../../src/authority/oauth/parameters.ts'
import { issuer } from './authority.ts'

/** How the cluster's own names are reached from outside of it. */
export interface Reach {
  readonly address: string
  readonly port: number
  /** PEM. */
  readonly ca: string
}

/** oauth4webapi, which refuses every answer that is not exactly what the RFCs say, for one workload. */
export class OAuthClient {
  readonly #agent: Agent
  readonly #client: oauth.Client
  readonly #assertion: string
  #server: oauth.AuthorizationServer = { issuer }

  private constructor(reach: Reach, subject: string, assertion: string) {
    const { hostname } = new URL(issuer)
    this.#client = { client_id: subject }
    this.#assertion = assertion
    this.#agent = new Agent({
      // A connection for each request: what is asked of a Service is asked of whichever replica is there.
      pipelining: 0,
      connect: {
        ca: reach.ca,
        servername: hostname,
        lookup: (_name, _options, callback) => callback(null, [{ address: reach.address, family: 4 }]),
      },
    })
    this.#port = reach.port
  }

  readonly #port: number

  /** With a ServiceAccount token as the workload's proof, after discovery. */
  static async of(reach: Reach, subject: string, assertion: string): Promise<OAuthClient> {
    const client = new OAuthClient(reach, subject, assertion)
    const answer = await oauth.discoveryRequest(new URL(issuer), { ...client.#options(), algorithm: 'oauth2' })
    client.#server = await oauth.processDiscoveryResponse(new URL(issuer), answer)
    return client
  }

  async exchange(audience: string): Promise<oauth.TokenEndpointResponse> {
    const parameters = { subject_token: this.#assertion, subject_token_type: tokenTypeUris.jwt, audience }
    const answer = await oauth.genericTokenEndpointRequest(
      this.#server,
      this.#client,
      oauth.None(),
      grants.exchange,
      parameters,
      this.#options(),
    )
    return oauth.processGenericTokenEndpointResponse(this.#server, this.#client, answer)
  }

  async clientCredentials(audience: string): Promise<oauth.TokenEndpointResponse> {
    const answer = await oauth.clientCredentialsGrantRequest(
      this.#server,
      this.#client,
      this.#authentication,
      new URLSearchParams({ audience }),
      this.#options(),
    )
    return oauth.processClientCredentialsResponse(this.#server, this.#client, answer)
  }

  async introspect(token: string): Promise<oauth.IntrospectionResponse> {
    const answer = await oauth.introspectionRequest(
      this.#server,
      this.#client,
      this.#authentication,
      token,
      this.#options(),
    )
    return oauth.processIntrospectionResponse(this.#server, this.#client, answer)
  }

  async revoke(token: string): Promise<void> {
    const answer = await oauth.revocationRequest(
      this.#server,
      this.#client,
      this.#authentication,
      token,
      this.#options(),
    )
    await oauth.processRevocationResponse(answer)
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  readonly #authentication: oauth.ClientAuth = (_server, { client_id: id }, body) => {
    body.set('client_id', id)
    body.set('client_assertion_type', jwtBearerAssertion)
    body.set('client_assertion', this.#assertion)
  }

  #options() {
    return {
      [oauth.customFetch]: async (url: string, init: object) => {
        const at = new URL(url)
        at.port = String(this.#port)
        const options = { ...init, dispatcher: this.#agent } as RequestInit
        return (await undiciFetch(at, options)) as unknown as Response
      },
    }
  }
}
