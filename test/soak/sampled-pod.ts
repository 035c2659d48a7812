import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { inCluster, installChart, loadImages } from '../../scripts/install.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { injectLabel, workloadSecretName } from '../../src/identity/workload.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { type Cluster, up } from '../../tools/cluster/cluster.ts'
import { container, identity, pod, serviceAccount } from '../e2e/manifests.ts'
import { followLogs } from './follow-logs.ts'
import type { Sample } from './tally.ts'

/** Name of the pod, its account and its identity. */
export const name = 'soak'

export interface SampledPodOptions {
  /** Of its own: deleted before and after. */
  readonly namespace: string
  readonly spec: ServiceIdentity['spec']
  /** Further objects of the namespace. */
  readonly others?: readonly unknown[]
  readonly log: (line: string) => void
  /** Told of each look of the pod at its mounted token, a moment later. */
  readonly onSample: (sample: Sample) => void
  /** Told of each token that stands in the pod's Secret, by its ID, as soon as the watch shows it. */
  readonly onWrite?: (tokenID: string, at: number) => void
}

export interface SampledPod {
  readonly client: KubeClient
  /** Runs kubectl in the pod's namespace. */
  readonly kubectl: (...parameters: string[]) => Promise<string>
}

/**
 * Installs the chart on the cluster and runs the task while a pod watches its mounted token. Ends when the task does,
 * or rejects when what is watched can be watched no longer.
 */
export async function withSampledPod(
  options: SampledPodOptions,
  task: (sampled: SampledPod) => Promise<void>,
): Promise<void> {
  const { namespace, log, onSample, onWrite } = options
  const cluster = await up({ owner: 'test', log })
  await loadImages(log)
  log('installing the chart')
  await installChart(cluster)
  const kubectl = (...parameters: string[]) => inCluster(cluster, 'kubectl', ['-n', namespace, ...parameters])
  await start(cluster, options)
  await kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=120s')
  const client = new HttpKubeClient(await loadConfig({ kubeconfig: cluster.kubeconfig }))
  const stop = new AbortController()
  const see = (line: string): void => {
    // Whatever else is in the log is a message of Node's own: the sampler failed.
    if (line.startsWith('{')) onSample(JSON.parse(line) as Sample)
    else log(`the sampler says: ${line}`)
  }
  const watching = watchSecret(client, namespace, onWrite ?? (() => undefined), stop.signal)
  const following = followLogs(cluster, { namespace, pod: name }, see, stop.signal)
  try {
    await Promise.race([watching, following, task({ client, kubectl })])
  } finally {
    stop.abort()
    await Promise.allSettled([watching, following])
    await client.close()
    await inCluster(cluster, 'kubectl', ['delete', 'namespace', namespace, '--wait=false'])
  }
}

async function start(cluster: Cluster, { namespace, spec, others = [] }: SampledPodOptions): Promise<void> {
  const apply = (...items: unknown[]) =>
    inCluster(cluster, 'kubectl', ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  await inCluster(cluster, 'kubectl', ['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s'])
  const sampler = await readFile(new URL('./sampler.mjs', import.meta.url), 'utf8')
  await apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    serviceAccount(name, namespace),
    identity(name, namespace, spec),
    ...others,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { 'sampler.mjs': sampler } },
    pod({
      name,
      namespace,
      labels: { [injectLabel]: 'true' },
      spec: {
        volumes: [{ name: 'sampler', configMap: { name } }],
        containers: [
          container('sampler', {
            command: ['/nodejs/bin/node', '/sampler/sampler.mjs'],
            volumeMounts: [{ name: 'sampler', mountPath: '/sampler', readOnly: true }],
          }),
        ],
      },
    }),
  )
}

/** Notes when each token was written into the Secret. */
async function watchSecret(
  client: KubeClient,
  namespace: string,
  onWrite: (tokenID: string, at: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const secrets = new Reflector<Secret>({ client, resource: resources.secrets, namespace })
  secrets.onEvent(({ type, object }) => {
    const token = object.metadata.name === workloadSecretName(name) ? secretText(object, 'token') : undefined
    if (type !== 'deleted' && token !== undefined) onWrite(decodeJwt(token).jti ?? '', Date.now())
  })
  await secrets.run(signal)
}
