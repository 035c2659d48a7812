import { installChart, loadImages } from '../scripts/install.ts'
import { loadConfig } from '../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../src/kube/client/http-client.ts'
import { resources } from '../src/kube/client/resource.ts'
import { up } from '../tools/cluster/cluster.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { identity, percentile, ReadyWatch } from './ready-watch.ts'

export const name = 'apply'
export const describe =
  'identities applied one after another on the cluster: from apply to Ready and Secret present (--identities 200)'

const namespace = 'bench-apply'

/** Each identity is applied once the one before it is Ready, through the webhook and the admission policies of the chart. */
export async function run(options: { readonly identities?: number } = {}): Promise<Record<string, number>> {
  const count = options.identities ?? 200
  const log = (line: string): void => void process.stderr.write(`  ${line}\n`)
  const cluster = await up({ owner: 'test', log })
  await loadImages(log)
  await installChart(cluster)
  const client = new HttpKubeClient(await loadConfig({ kubeconfig: cluster.kubeconfig }))
  await client.apply(resources.namespaces, { metadata: { name: namespace } }, { fieldManager: 'bench' })
  const watch = await ReadyWatch.start(client, namespace)
  try {
    // Right after an installation the API server may not have heard yet whom its webhooks trust.
    await waitFor({
      what: 'the API server to admit an identity',
      limitMs: 30_000,
      until: async () => {
        const warm = await client.create(resources.serviceIdentities, identity(namespace, `warm-up-${Date.now()}`))
        return warm.metadata.uid !== undefined
      },
    })
    const delays: number[] = []
    for (let index = 0; index < count; index += 1) {
      const item = `service-${Date.now().toString(36)}-${index}`
      const began = performance.now()
      await client.create(resources.serviceIdentities, identity(namespace, item))
      await watch.ready(item, 30_000)
      const secret = await client.get(resources.secrets, { namespace, name: `signet.${item}` })
      if (secret === undefined) throw new Error(`${item} is Ready but has no Secret`)
      delays.push(performance.now() - began)
    }
    return {
      identities: count,
      p50Ms: Math.round(percentile(delays, 0.5)),
      p99Ms: Math.round(percentile(delays, 0.99)),
      maxMs: Math.round(Math.max(...delays)),
    }
  } finally {
    await watch.stop()
    await client.delete(resources.namespaces, { name: namespace })
    await client.close()
  }
}
