import { decodeJwt } from 'jose'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import type { TestCluster } from './cluster.ts'

/** Every token ID that ever stood in the workload Secrets of a namespace, however briefly. */
export class MintedTokens {
  /** Token IDs by the name of the identity. */
  readonly seen = new Map<string, Set<string>>()
  readonly #stop = new AbortController()
  readonly #client: HttpKubeClient
  readonly #watching: Promise<void>

  private constructor(client: HttpKubeClient, namespace: string, onOpen: () => void) {
    this.#client = client
    const query = { namespace, timeoutSeconds: 600 }
    this.#watching = client.watch(
      resources.secrets,
      query,
      ({ type, object }) => (type === 'ADDED' || type === 'MODIFIED' ? this.#see(object) : undefined),
      this.#stop.signal,
      onOpen,
    )
  }

  /** Resolves once the watch is open: nothing that is written from then on is missed. */
  static async watch(test: TestCluster, namespace: string): Promise<MintedTokens> {
    const client = new HttpKubeClient(await loadConfig({ kubeconfig: test.cluster.kubeconfig }))
    return new Promise((resolve, reject) => {
      const tokens = new MintedTokens(client, namespace, () => resolve(tokens))
      tokens.#watching.catch(reject)
    })
  }

  /** Throws what broke the watch, if something did: then not everything has been seen. */
  async stop(): Promise<void> {
    const stopped = new Error('stopped')
    this.#stop.abort(stopped)
    await this.#watching.catch((error: unknown) => {
      if (error !== stopped) throw error
    })
    await this.#client.close()
  }

  #see(secret: Secret): void {
    const { name } = secret.metadata
    const token = name.startsWith('signet.') ? secretText(secret, 'token') : undefined
    if (token === undefined) return
    const identity = name.slice('signet.'.length)
    const ids = this.seen.get(identity) ?? new Set()
    this.seen.set(identity, ids.add(decodeJwt(token).jti ?? ''))
  }
}
