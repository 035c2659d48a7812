import { join } from 'node:path'
import { defaultIssuer } from '../../../src/cli/settings/shared.ts'
import { keyRingSecretName } from '../../../src/identity/workload.ts'
import { decodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import type { SigningKey } from '../../../src/keys/signing-key.ts'
import { type Secret, secretText } from '../../../src/kube/secrets/secret-codec.ts'
import { activeSlot } from '../../../src/rotation/slots.ts'
import { ControllerProcess } from '../../apiserver/controller-process.ts'
import { accountUser, Kubectl } from '../../apiserver/kubectl.ts'
import { SecretFolder, ServingAuthority } from '../../builders/serving-certificate.ts'
import { operatorNamespace, renderChart } from '../../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../../tools/cluster/control-plane.ts'
import { projectDirectory } from '../../../tools/cluster/paths.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'
import { AuthorityReplica } from './replica.ts'

export const issuer = defaultIssuer(operatorNamespace)
const namespace = 'shop'

/** Whose tokens are asked about; whom they are for; who may ask about all of them. */
export const identities = ['orders', 'payments', 'gateway'] as const
export type Identity = (typeof identities)[number]

export const subjectOf = (identity: Identity): string => `spiffe://cluster.local/ns/${namespace}/sa/${identity}`

const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated']
const installed = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/

/**
 * Signet without a node: a real API server with identities and keys as the controller has made them, and replicas of the
 * authority as processes with the rights that the chart gives them, on whatever Redis a test has for them.
 */
export class AuthorityStage {
  /** The ServiceAccount token of each identity's pod, as kubelet would project it. */
  readonly accountTokens: Readonly<Record<Identity, string>>
  /** The key that signs for each identity, read from its ring. */
  readonly keys: Readonly<Record<Identity, SigningKey>>
  readonly #plane: ControlPlane
  readonly #folder: SecretFolder
  readonly #ca: string
  readonly #program: string
  readonly #replicas: AuthorityReplica[] = []

  private constructor(
    parts: Pick<AuthorityStage, 'accountTokens' | 'keys'> & {
      plane: ControlPlane
      folder: SecretFolder
      ca: string
      program: string
    },
  ) {
    this.accountTokens = parts.accountTokens
    this.keys = parts.keys
    this.#plane = parts.plane
    this.#folder = parts.folder
    this.#ca = parts.ca
    this.#program = parts.program
  }

  /** `program` is what the replicas run: the sources at hand unless told otherwise. */
  static async start(program = join(projectDirectory, 'src/cli/main.ts')): Promise<AuthorityStage> {
    const plane = await startControlPlane()
    const folder = await SecretFolder.create()
    try {
      const kubectl = await Kubectl.of(plane)
      await apply(kubectl)
      await identitiesReady(plane, kubectl)
      const authority = await ServingAuthority.create()
      await folder.write(await authority.issue())
      const accountTokens = await ofEach((identity) => accountToken(kubectl, identity))
      const keys = await ofEach((identity) => signingKey(kubectl, identity))
      return new AuthorityStage({ accountTokens, keys, plane, folder, ca: authority.ca, program })
    } catch (error) {
      await folder.remove()
      await plane.stop()
      throw error
    }
  }

  /** A replica that is ready by its own word, whatever Redis does. */
  async replica(redisUrl: string): Promise<AuthorityReplica> {
    const { directory } = this.#plane
    const replica = await AuthorityReplica.start({
      program: this.#program,
      kubeconfig: await this.#plane.kubeconfigFor(accountUser(operatorNamespace, 'signet-authority'), groups),
      certificateDirectory: this.#folder.path,
      ca: this.#ca,
      directory,
      logFile: join(directory, 'logs', `authority-${this.#replicas.length}.log`),
      flags: ['--redis-url', redisUrl, '--introspectors', `${namespace}/gateway`],
    })
    this.#replicas.push(replica)
    return replica
  }

  async stop(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.stop()))
    await this.#folder.remove()
    await this.#plane.stop()
  }
}

async function apply(kubectl: Kubectl): Promise<void> {
  const named = [operatorNamespace, namespace].map((name) => ({ metadata: { name } }))
  await kubectl.apply(named.map((object) => ({ apiVersion: 'v1', kind: 'Namespace', ...object })))
  await kubectl.apply((await renderChart()).filter(({ kind }) => installed.test(kind)))
  await kubectl.run(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  const metadata = (name: string) => ({ name, namespace })
  await kubectl.apply(
    identities.map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) })),
  )
  await kubectl.apply([
    ...identities.map((name) => ({
      apiVersion: 'signet.dev/v1alpha1',
      kind: 'ServiceIdentity',
      metadata: metadata(name),
      spec: {},
    })),
    ...identities.map((name) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: metadata(name),
      spec: {
        serviceAccountName: name,
        automountServiceAccountToken: false,
        containers: [{ name: 'app', image: 'example/app:1' }],
      },
    })),
  ])
}

/** Runs the controller until it has made all keys; nothing rotates within the life of a stage. */
async function identitiesReady(plane: ControlPlane, kubectl: Kubectl): Promise<void> {
  const kubeconfig = await plane.kubeconfigFor(accountUser(operatorNamespace, 'signet-controller'), groups)
  const controller = await ControllerProcess.start(kubeconfig)
  try {
    const own = ['configmap/signet-jwks.authority', 'secret/signet-keys.authority']
    await waitFor({
      what: 'the controller to make all keys',
      limitMs: 180_000,
      until: async () => {
        const ready = await kubectl.try([
          'wait',
          'sid',
          '--all',
          '-n',
          namespace,
          '--for=condition=Ready',
          '--timeout=20s',
        ])
        return ready.code === 0 && (await kubectl.try(['get', ...own, '-n', operatorNamespace])).code === 0
      },
    })
  } finally {
    await controller.stop()
  }
}

async function accountToken(kubectl: Kubectl, identity: Identity): Promise<string> {
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=${identity}`]
  const flags = ['-n', namespace, `--audience=${issuer}`, '--duration=1h', ...bound]
  return (await kubectl.run(['create', 'token', identity, ...flags])).trim()
}

async function signingKey(kubectl: Kubectl, name: Identity): Promise<SigningKey> {
  const ring = keyRingSecretName({ namespace, name })
  const secret = await kubectl.json<Secret>(['get', 'secret', ring, '-n', operatorNamespace])
  const slot = activeSlot(decodeKeyRing(secretText(secret, 'ring.json') ?? '').slots)
  if (slot?.privateJwk === undefined) throw new Error(`no key signs for ${name}`)
  const { keyID, publicJwk, privateJwk } = slot
  return { keyID, publicJwk, privateJwk }
}

async function ofEach<T>(make: (identity: Identity) => Promise<T>): Promise<Record<Identity, T>> {
  const [orders, payments, gateway] = await Promise.all([make('orders'), make('payments'), make('gateway')])
  return { orders, payments, gateway }
}
