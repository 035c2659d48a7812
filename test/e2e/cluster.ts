import { inCluster } from '../../scripts/install.ts'
import { ConditionType, isConditionTrue } from '../../src/api/v1alpha1/conditions.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type Cluster, current } from '../../tools/cluster/cluster.ts'
import { waitFor } from '../../tools/cluster/wait.ts'

/** What tests read of a pod. */
export interface Pod extends KubeObject {
  spec: {
    containers: PodContainer[]
    initContainers?: PodContainer[]
    volumes?: { name: string }[]
  }
  status: {
    phase: string
    podIP: string
    containerStatuses?: { name: string; ready: boolean; restartCount: number }[]
  }
}

interface PodContainer {
  name: string
  env?: { name: string; value?: string }[]
  volumeMounts?: { name: string; mountPath: string }[]
}

/** The cluster that the set-up of the end-to-end tests has brought up, with what tests do to it. */
export class TestCluster {
  readonly cluster: Cluster

  private constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  static async of(): Promise<TestCluster> {
    const cluster = await current()
    if (cluster === undefined) throw new Error('no cluster is running: the set-up of the end-to-end tests starts one')
    return new TestCluster(cluster)
  }

  kubectl(...parameters: string[]): Promise<string> {
    return inCluster(this.cluster, 'kubectl', parameters)
  }

  helm(...parameters: string[]): Promise<string> {
    return inCluster(this.cluster, 'helm', parameters)
  }

  /** Applies objects, or a manifest as text. */
  apply(...objects: unknown[]): Promise<string> {
    const [first] = objects
    return this.withInput(typeof first === 'string' ? first : list(objects), 'apply', '-f', '-')
  }

  /** Runs kubectl with something on its standard input. */
  withInput(input: string, ...parameters: string[]): Promise<string> {
    return inCluster(this.cluster, 'kubectl', parameters, input)
  }

  async json<T>(...parameters: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...parameters, '-o', 'json')) as T
  }

  /** What kubectl says as it refuses objects, or an error where they are not refused. */
  async refused(objects: unknown, ...parameters: string[]): Promise<string> {
    let output: string
    try {
      output = await this.withInput(JSON.stringify(objects), ...parameters)
    } catch (error) {
      return String((error as { stderr?: string }).stderr ?? error)
    }
    throw new Error(`kubectl ${parameters.join(' ')} was not refused: ${output}`)
  }

  /** A script of Node in a pod; what it prints. */
  node(namespace: string, pod: string, script: string, input = ''): Promise<string> {
    return this.withInput(input, '-n', namespace, 'exec', '-i', pod, '--', '/nodejs/bin/node', '-e', script)
  }

  /** A file of a pod's mounted identity, as the pod itself reads it. */
  mounted(namespace: string, pod: string, file = 'token'): Promise<string> {
    return this.node(
      namespace,
      pod,
      `process.stdout.write(require("fs").readFileSync(process.env.SIGNET_DIR + "/${file}"))`,
    )
  }

  async pods(namespace: string, selector: string): Promise<Pod[]> {
    const { items } = await this.json<{ items: Pod[] }>('-n', namespace, 'get', 'pods', '-l', selector)
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  }

  /** Waits until pods run and are ready. */
  async ready(namespace: string, ...pods: string[]): Promise<void> {
    const names = pods.map((pod) => `pod/${pod}`)
    await this.kubectl('-n', namespace, 'wait', ...names, '--for=condition=Ready', '--timeout=60s')
  }

  /** Waits until all identities of a namespace are Ready. One list a look: `kubectl wait` watches each by itself. */
  identitiesReady(namespace: string): Promise<void> {
    return this.eventually(`the identities of ${namespace} to be Ready`, async () => {
      const { items } = await this.json<{ items: ServiceIdentity[] }>('-n', namespace, 'get', 'sid')
      return items.length > 0 && items.every(({ status }) => isConditionTrue(status?.conditions, ConditionType.Ready))
    })
  }

  /** A namespace of a test's own. */
  async namespace(name: string): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }

  /** Removes a test's namespace, without waiting for the end of its pods. */
  async leave(name: string): Promise<void> {
    await this.kubectl('delete', 'namespace', name, '--wait=false', '--ignore-not-found')
  }

  eventually(what: string, until: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    return waitFor({ what, limitMs, everyMs: 200, until })
  }
}

function list(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
