import { defaultIssuer } from '../src/cli/settings/shared.ts'
import type { HttpKubeClient } from '../src/kube/client/http-client.ts'
import type { KubeObject } from '../src/kube/client/object.ts'
import { resources } from '../src/kube/client/resource.ts'
import { operatorNamespace } from '../test/chart/helm.ts'
import type { ControlPlane } from '../tools/cluster/control-plane.ts'
import { freePorts } from '../tools/cluster/ports.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { builtBundle } from './built-bundle.ts'
import { type InPod, podOf } from './in-pod.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

export const issuer = defaultIssuer(operatorNamespace)

/** Waits until the controller has made the keys that the authority signs with. */
export async function issuingKeysMade(client: HttpKubeClient): Promise<void> {
  const name = 'signet-jwks.authority'
  await waitFor({
    what: 'the keys of the authority to be published',
    limitMs: 30_000,
    until: async () =>
      (await client.get<KubeObject>(resources.configMaps, { namespace: operatorNamespace, name })) !== undefined,
  })
}

/** The servers under load, all ended at the end; authorities as pods of the account that the chart gives them. */
export class AuthorityFleet {
  readonly #servers: ServerProcess[] = []
  readonly #directory: string
  readonly #inPod: InPod

  private constructor(directory: string, inPod: InPod) {
    this.#directory = directory
    this.#inPod = inPod
  }

  /** Empty at first. The directory holds the serving certificate. */
  static async of(plane: ControlPlane, directory: string): Promise<AuthorityFleet> {
    return new AuthorityFleet(directory, await podOf(plane, 'signet-authority'))
  }

  /** Resolves once it gives out tokens. */
  async authority(flags: readonly string[] = []): Promise<ServerProcess> {
    const [port = 0, probePort = 0] = await freePorts(2)
    const parameters = [
      // As in the chart; 338 MB are 66 percent of the memory that it limits an authority to.
      '--max-semi-space-size=2',
      '--max-old-space-size=338',
      await builtBundle(),
      'authority',
      `--port=${port}`,
      '--metrics-port=0',
      `--probe-port=${probePort}`,
      `--namespace=${operatorNamespace}`,
      `--certificate-directory=${this.#directory}`,
      // What is measured is the server, not the limits that protect it from one address.
      '--caller-rate=0',
      '--address-rate=0',
      '--introspectors=bench/service-0',
      ...flags,
    ]
    const server = {
      ...(await startServerProcess({ parameters, announcement: /"message":"started"()/, inPod: this.#inPod })),
      port,
    }
    this.#servers.push(server)
    await waitFor({
      what: 'the authority to be ready',
      limitMs: 60_000,
      until: async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).ok,
    })
    return server
  }

  async bare(bytes: number): Promise<ServerProcess> {
    const file = new URL('servers/bare.ts', import.meta.url).pathname
    const parameters = [file, this.#directory, String(bytes)]
    const server = await startServerProcess({ parameters, announcement: /listening (\d+)\n/ })
    this.#servers.push(server)
    return server
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()))
  }
}
