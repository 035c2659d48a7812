import { Agent, request } from 'node:https'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import type { TestCluster } from './cluster.ts'

/** Creates objects in dry runs, over connections that stay: all of admission happens, and nothing is stored. */
export class Admissions {
  readonly #server: string
  readonly #agent: Agent

  private constructor(server: string, agent: Agent) {
    this.#server = server
    this.#agent = agent
  }

  static async of(test: TestCluster): Promise<Admissions> {
    const { server, authenticate } = await loadConfig({ kubeconfig: test.cluster.kubeconfig })
    const { ca, cert, key } = (await authenticate?.()) ?? {}
    return new Admissions(server, new Agent({ keepAlive: true, maxSockets: 64, ca, cert, key }))
  }

  /** What the API server would have stored of a pod. Rejects with its message where it refuses. */
  create<T>(namespace: string, pod: object): Promise<T> {
    const body = JSON.stringify(pod)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const url = `${this.#server}/api/v1/namespaces/${namespace}/pods?dryRun=All`
    return new Promise((resolve, reject) => {
      const call = request(url, { method: 'POST', headers, agent: this.#agent, timeout: 15_000 }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.once('error', reject)
        response.once('end', () => {
          if (response.statusCode === 201) resolve(JSON.parse(text) as T)
          else reject(new Error((JSON.parse(text) as { message?: string }).message ?? text))
        })
      })
      call.once('timeout', () => call.destroy(new Error('the API server did not answer within 15 s')))
      call.once('error', reject)
      call.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
