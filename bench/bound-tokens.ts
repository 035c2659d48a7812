import { readFile } from 'node:fs/promises'
import { Pool } from 'undici'
import type { HttpKubeClient } from '../src/kube/client/http-client.ts'
import type { KubeObject } from '../src/kube/client/object.ts'
import { resources } from '../src/kube/client/resource.ts'
import { Kubectl } from '../test/apiserver/kubectl.ts'
import { operatorNamespace } from '../test/chart/helm.ts'
import type { ControlPlane } from '../tools/cluster/control-plane.ts'
import { inParallel } from './ready-watch.ts'

const namespace = 'bench'

/** A pod's ServiceAccount token, as kubelet would project it. */
export interface BoundToken {
  readonly account: string
  readonly pod: string
  readonly podUid: string
  readonly token: string
}

/** A bearer token of an account that may do anything, for calls that a load generator makes. */
export async function administratorToken(plane: ControlPlane): Promise<string> {
  const kubectl = await Kubectl.of(plane)
  await kubectl.run(['create', 'serviceaccount', 'generator', '-n', operatorNamespace])
  const account = `system:serviceaccount:${operatorNamespace}:generator`
  await kubectl.run(['create', 'clusterrolebinding', 'generator', '--clusterrole=cluster-admin', `--user=${account}`])
  return (await kubectl.run(['create', 'token', 'generator', '-n', operatorNamespace, '--duration=1h'])).trim()
}

/** The path and body with which kubelet asks the API server for such a token. */
export function tokenRequest(
  audience: string,
  { account, pod, podUid }: Omit<BoundToken, 'token'>,
  expirationSeconds = 3600,
) {
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod, uid: podUid }
  return {
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds, boundObjectRef },
    }),
  }
}

/** A ServiceAccount, a pod of it and the pod's token for each of the identities `bench/service-0` and so on. */
export async function boundTokens(options: {
  readonly plane: ControlPlane
  readonly client: HttpKubeClient
  readonly bearer: string
  readonly audience: string
  readonly count: number
  /** An hour by default. */
  readonly lifetimeSeconds?: number
}): Promise<BoundToken[]> {
  const { plane, client, bearer, audience, count, lifetimeSeconds } = options
  const pool = new Pool(plane.url, { connections: 16, connect: { ca: await readFile(plane.caFile, 'utf8') } })
  const tokens: BoundToken[] = []
  try {
    await inParallel(
      Array.from({ length: count }, (_, index) => index),
      16,
      async (index) => {
        const account = `service-${index}`
        await client.create<KubeObject>(resources.serviceAccounts, { metadata: { namespace, name: account } })
        const spec = { serviceAccountName: account, containers: [{ name: 'app', image: 'example/app:1' }] }
        const object: KubeObject & { spec: unknown } = { metadata: { namespace, name: account }, spec }
        const { uid = '' } = (await client.create(resources.pods, object)).metadata
        const bound = { account, pod: account, podUid: uid }
        const { path, body } = tokenRequest(audience, bound, lifetimeSeconds)
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }
        const answer = await pool.request({ path, method: 'POST', headers, body })
        const { status } = (await answer.body.json()) as { status?: { token?: string } }
        if (answer.statusCode !== 201 || status?.token === undefined) {
          throw new Error(`TokenRequest answered ${answer.statusCode}`)
        }
        tokens[index] = { ...bound, token: status.token }
      },
    )
  } finally {
    await pool.close()
  }
  return tokens
}
