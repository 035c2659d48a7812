import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import { describeApiServer } from '../conformance/api-server.ts'
import { startFakeApiServer } from '../fakes/api-server.ts'
import { createMemoryKubeClient } from '../fakes/api-server-memory-client.ts'

describeApiServer('the fake API server', async () => {
  const fake = await startFakeApiServer()
  const client = new HttpKubeClient(fake.config)
  return {
    client,
    namespace: 'default',
    stop: async () => {
      await client.close()
      await fake.stop()
    },
  }
})

describeApiServer('the client in memory', async () => ({
  client: createMemoryKubeClient(),
  namespace: 'default',
  stop: async () => undefined,
}))
