import { request } from 'node:https'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { namespace } from '../../scripts/install.ts'
import type { TestCluster } from './cluster.ts'
import type { Reach } from './oauth.ts'

export const issuer = `https://signet-authority.${namespace}.svc`

/** Calls the authority as a fresh client each time: its own connection, the trust bundle, no retry. */
export class AuthorityClient {
  readonly #address: string
  readonly #port: number
  readonly #ca: string

  private constructor({ address, port, ca }: Reach) {
    this.#address = address
    this.#port = port
    this.#ca = ca
  }

  /** By the Service's address. */
  static async ofService(test: TestCluster): Promise<AuthorityClient> {
    return new AuthorityClient(await reachOfService(test))
  }

  /** One for each replica, by its pod's address. */
  static async ofReplicas(test: TestCluster): Promise<AuthorityClient[]> {
    return (await reachOfReplicas(test)).map((reach) => new AuthorityClient(reach))
  }

  async jwks(): Promise<PublicJwk[]> {
    return (JSON.parse(await this.get('/jwks.json')) as { keys: PublicJwk[] }).keys
  }

  get(path: string): Promise<string> {
    const url = { host: this.#address, port: this.#port, path, servername: new URL(issuer).hostname, ca: this.#ca }
    return new Promise((resolve, reject) => {
      const call = request({ ...url, agent: false, timeout: 5000 }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.once('error', reject)
        response.once('end', () => {
          if (response.statusCode === 200) resolve(text)
          else reject(new Error(`${path} answered ${response.statusCode ?? 0}`))
        })
      })
      call.once('timeout', () => call.destroy(new Error(`${path} was not answered within 5 s`)))
      call.once('error', reject)
      call.end()
    })
  }
}

/** Where the authority's Service is. */
export async function reachOfService(test: TestCluster): Promise<Reach> {
  const address = await test.kubectl('-n', namespace, 'get', 'service', 'signet-authority', '-o', clusterIP)
  return { address, port: 443, ca: await trustBundle(test) }
}

/** Where each of its replicas is. */
export async function reachOfReplicas(test: TestCluster): Promise<Reach[]> {
  const ca = await trustBundle(test)
  const pods = await test.pods(namespace, 'app.kubernetes.io/component=authority')
  return pods.map(({ status }) => ({ address: status.podIP, port: 8443, ca }))
}

const clusterIP = 'jsonpath={.spec.clusterIP}'

async function trustBundle(test: TestCluster): Promise<string> {
  const path = String.raw`jsonpath={.data.ca\.crt}`
  const data = await test.kubectl('-n', namespace, 'get', 'secret', 'signet-authority-tls', '-o', path)
  return Buffer.from(data, 'base64').toString()
}
