import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { onTestFinished } from 'vitest'
import type { KubeConfiguration } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient, type KubeClientOptions } from '../../src/kube/client/http-client.ts'
import type { Logger } from '../../src/logger.ts'
import { type FakeApiServer, startFakeApiServer } from './api-server.ts'

/** A fake API server and a client of it for one test. */
export async function fakeCluster(
  options: KubeClientOptions = {},
): Promise<{ fake: FakeApiServer; client: HttpKubeClient }> {
  const fake = await startFakeApiServer()
  const client = clientOf(fake.config, options)
  onTestFinished(() => fake.stop())
  return { fake, client }
}

/** Retries without waiting, unless told otherwise. Closed when the test is over. */
export function clientOf(configuration: KubeConfiguration, options: KubeClientOptions = {}): HttpKubeClient {
  const client = new HttpKubeClient(configuration, { random: () => 0.01, ...options })
  onTestFinished(() => client.close())
  return client
}

/** What an application made with client-node alone would use. */
export function stockConfig(fake: FakeApiServer): KubeConfig {
  const config = new KubeConfig()
  const { server, ca = '', token = '', serverName = '' } = fake.config
  config.loadFromOptions({
    clusters: [{ name: 'fake', server, caData: btoa(ca), tlsServerName: serverName, skipTLSVerify: false }],
    users: [{ name: 'me', token }],
    contexts: [{ name: 'fake', cluster: 'fake', user: 'me' }],
    currentContext: 'fake',
  })
  return config
}

/** A file that is gone when the test is over. */
export async function temporaryFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'signet-kube-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'file')
  await writeFile(file, content)
  return file
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const write =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const logger = {
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  }
  return logger
}
