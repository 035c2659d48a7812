import { join } from 'node:path'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { isConditionTrue } from '../../src/api/v1alpha1/conditions.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { ControllerProcess } from '../apiserver/controller-process.ts'
import { accountUser, Kubectl } from '../apiserver/kubectl.ts'
import { operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { FaultProxy } from './fault-proxy.ts'
import { Witness } from './published.ts'

type Identity = ServiceIdentity & KubeObject

const account = accountUser(operatorNamespace, 'signet-controller')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]
const installed =
  /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$|^(Mutating|Validating)WebhookConfiguration$/

/** A real API server with the chart's objects, controllers as processes, and a proxy between them. */
export class FaultCluster {
  readonly plane: ControlPlane
  readonly kubectl: Kubectl
  /** An administrator's, past the proxy. */
  readonly client: HttpKubeClient
  readonly proxy: FaultProxy
  readonly controllers: ControllerProcess[] = []
  readonly witness: Witness

  private constructor(parts: Pick<FaultCluster, 'plane' | 'kubectl' | 'client' | 'proxy' | 'witness'>) {
    this.plane = parts.plane
    this.kubectl = parts.kubectl
    this.client = parts.client
    this.proxy = parts.proxy
    this.witness = parts.witness
  }

  static async start(options: { leastLeft?: number } = {}): Promise<FaultCluster> {
    const plane = await startControlPlane()
    const kubectl = await Kubectl.of(plane)
    const client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
    const kubeconfig = await plane.kubeconfigFor(account, groups)
    const proxy = await FaultProxy.start(kubeconfig, join(plane.directory, 'proxy.kubeconfig'))
    const cluster = new FaultCluster({ plane, kubectl, client, proxy, witness: new Witness(client, options.leastLeft) })
    for (const name of [operatorNamespace, 'shop', 'bank'])
      await client.create(resources.namespaces, { metadata: { name } })
    await kubectl.apply(await installedManifests())
    return cluster
  }

  /** A controller behind the proxy. */
  async controller(flags: readonly string[] = []): Promise<ControllerProcess> {
    const process = await ControllerProcess.start(this.proxy.kubeconfig, flags)
    this.controllers.push(process)
    return process
  }

  async stop(): Promise<void> {
    for (const process of this.controllers) await process.stop('SIGKILL')
    await this.client.close()
    await this.proxy.close()
    await this.plane.stop()
  }

  async apply(name: string, spec: ServiceIdentity['spec'] = {}, namespace = 'shop', annotations = {}): Promise<void> {
    const object = { metadata: { name, namespace, annotations }, spec }
    await this.client.apply<Identity>(resources.serviceIdentities, object, { fieldManager: 'test', force: true })
  }

  identity(name: string, namespace = 'shop'): Promise<Identity | undefined> {
    return this.client.get<Identity>(resources.serviceIdentities, { namespace, name })
  }

  async condition(name: string, namespace = 'shop') {
    const { status } = (await this.identity(name, namespace)) ?? {}
    return status?.conditions?.find(({ type }) => type === 'Ready')
  }

  secret(name: string, namespace = 'shop'): Promise<Secret | undefined> {
    return this.client.get<Secret>(resources.secrets, { namespace, name: `signet.${name}` })
  }

  async token(name: string, namespace = 'shop'): Promise<string> {
    const secret = await this.secret(name, namespace)
    return secret === undefined ? '' : (secretText(secret, 'token') ?? '')
  }

  /** Every named identity is Ready, of the generation it has; returns after how many seconds. */
  async ready(names: readonly string[], limitMs = 60_000, namespace = 'shop'): Promise<number> {
    return this.eventually(`${names.join(', ')} to be Ready`, limitMs, async () => {
      const found = await Promise.all(names.map((name) => this.identity(name, namespace)))
      return found.every(
        (one) =>
          isConditionTrue(one?.status?.conditions, 'Ready') &&
          one?.status?.observedGeneration === one?.metadata.generation,
      )
    })
  }

  /** Waits; returns after how many seconds. */
  async eventually(what: string, limitMs: number, until: () => Promise<boolean>, everyMs = 100): Promise<number> {
    const started = performance.now()
    await waitFor({ what, limitMs, everyMs, until })
    return secondsSince(started)
  }

  /** Looks at the invariants again and again for so long. */
  async holds(milliseconds: number, everyMs = 1_000): Promise<void> {
    for (const end = performance.now() + milliseconds; performance.now() < end;) {
      await this.witness.look()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }

  /** The one that leads, by its own word, of those that are alive. */
  leader(): ControllerProcess | undefined {
    return this.controllers.findLast(
      (one) => one.child.exitCode === null && one.child.signalCode === null && one.count('leading') > 0,
    )
  }
}

/** What the chart installs, webhooks excepted: they are not reachable here, so their failure is ignored. */
async function installedManifests(): Promise<unknown[]> {
  const chart = await renderChart()
  return chart
    .filter(({ kind }) => installed.test(kind))
    .map((manifest) =>
      Array.isArray(manifest.webhooks)
        ? {
            ...manifest,
            webhooks: manifest.webhooks.map((webhook: object) => ({ ...webhook, failurePolicy: 'Ignore' })),
          }
        : manifest,
    )
}

export function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 100) / 10
}

/** Figures go to the report of the run: what was broken, and after how many seconds all was well. */
export function report(fault: string, figures: Readonly<Record<string, number | string>>): void {
  process.stdout.write(`fault: ${fault}: ${JSON.stringify(figures)}\n`)
}
