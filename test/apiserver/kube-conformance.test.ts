import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { startControlPlane } from '../../tools/cluster/control-plane.ts'
import { eventually } from '../builders/eventually.ts'
import { describeApiServer } from '../conformance/api-server.ts'

describeApiServer('a real API server', async () => {
  const plane = await startControlPlane()
  const client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
  const crd = await readFile(new URL('../../crds/signet.dev_serviceidentities.yaml', import.meta.url), 'utf8')
  await client.create(resources.customResourceDefinitions, load(crd) as KubeObject)
  await eventually(() => client.list(resources.serviceIdentities))
  return {
    client,
    namespace: 'default',
    stop: async () => {
      await client.close()
      await plane.stop()
    },
  }
})
