import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, type Manifest, operatorNamespace } from '../chart/helm.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import {
  container,
  dryRun,
  environment,
  environmentFrom,
  namespace,
  pod,
  projected,
  secretVolume,
  startEnforced,
} from './enforced-policies.ts'
import type { Kubectl } from './kubectl.ts'

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startEnforced())
}, buildTimeout)

afterAll(() => stop())

/** Each place where a pod can name a Secret, as the message of the policy calls it. */
const places: { what: string; spec: (secretName: string) => object }[] = [
  { what: 'a volume', spec: (name) => ({ volumes: [{ name: 'e', emptyDir: {} }, secretVolume(name)] }) },
  { what: 'a projected volume', spec: (name) => ({ volumes: [{ name: 'e', emptyDir: {} }, projected(name)] }) },
  { what: 'env of a container', spec: (name) => ({ containers: [container({}), container(environment(name), 'b')] }) },
  {
    what: 'envFrom of a container',
    spec: (name) => ({ containers: [container({}), container(environmentFrom(name), 'b')] }),
  },
  { what: 'env of an init container', spec: (name) => ({ initContainers: [container(environment(name), 'i')] }) },
  {
    what: 'envFrom of an init container',
    spec: (name) => ({ initContainers: [container(environmentFrom(name), 'i')] }),
  },
  {
    what: 'env of an init container',
    spec: (name) => ({ initContainers: [container({ ...environment(name), restartPolicy: 'Always' }, 'sidecar')] }),
  },
  {
    what: 'a CSI volume',
    spec: (name) => ({ volumes: [{ name: 'v', csi: { driver: 'csi.example', nodePublishSecretRef: { name } } }] }),
  },
  {
    what: 'a FlexVolume',
    spec: (name) => ({ volumes: [{ name: 'v', flexVolume: { driver: 'example/flex', secretRef: { name } } }] }),
  },
  {
    what: 'a CephFS volume',
    spec: (name) => ({ volumes: [{ name: 'v', cephfs: { monitors: ['m'], secretRef: { name } } }] }),
  },
  {
    what: 'an RBD volume',
    spec: (name) => ({ volumes: [{ name: 'v', rbd: { monitors: ['m'], image: 'i', secretRef: { name } } }] }),
  },
  {
    what: 'an iSCSI volume',
    spec: (name) => ({
      volumes: [
        {
          name: 'v',
          iscsi: {
            targetPortal: 'p:1',
            iqn: 'iqn.2001-04.com.example:disk',
            lun: 0,
            chapAuthSession: true,
            secretRef: { name },
          },
        },
      ],
    }),
  },
  {
    what: 'a ScaleIO volume',
    spec: (name) => ({
      volumes: [{ name: 'v', scaleIO: { gateway: 'https://g', system: 's', volumeName: 'n', secretRef: { name } } }],
    }),
  },
  {
    what: 'a Cinder volume',
    spec: (name) => ({ volumes: [{ name: 'v', cinder: { volumeID: 'i', secretRef: { name } } }] }),
  },
  {
    what: 'a StorageOS volume',
    spec: (name) => ({
      volumes: [{ name: 'v', storageos: { volumeName: 'n', volumeNamespace: 'n', secretRef: { name } } }],
    }),
  },
  {
    what: 'an Azure File volume',
    spec: (name) => ({ volumes: [{ name: 'v', azureFile: { secretName: name, shareName: 's' } }] }),
  },
  { what: 'imagePullSecrets', spec: (name) => ({ imagePullSecrets: [{ name: 'registry' }, { name }] }) },
]

describe("a pod's references to the Secrets of identities", () => {
  it.each(places)('are admitted in $what for its own account', async ({ spec }) => {
    await kubectl.run(dryRun, { input: pod(spec('signet.orders')) })
  })

  it.each(places)('are refused in $what for another account', async ({ what, spec }) => {
    const error = await kubectl.refused(dryRun, { input: pod(spec('signet.payments')) })
    expect(error).toContain("ValidatingAdmissionPolicy 'signet-own-secret'")
    expect(error).toContain(
      `${what} names the Secret of another identity; a pod of the ServiceAccount orders may use only signet.orders; ` +
        'set serviceAccountName to the identity that the pod needs',
    )
  })

  it.each(places)('are no matter in $what for a Secret of any other name', async ({ spec }) => {
    await kubectl.run(dryRun, { input: pod(spec('signet-payments')) })
  })

  it('are those of the account default where a pod names none', async () => {
    const own = { serviceAccountName: undefined, volumes: [secretVolume('signet.default')] }
    await kubectl.run(dryRun, { input: pod(own) })
    const error = await kubectl.refused(dryRun, { input: pod({ ...own, volumes: [secretVolume('signet.orders')] }) })
    expect(error).toContain('a pod of the ServiceAccount default may use only signet.default')
  })

  it('are those of the account that the deprecated field serviceAccount names', async () => {
    const spec = { serviceAccountName: undefined, serviceAccount: 'orders' }
    await kubectl.run(dryRun, { input: pod({ ...spec, volumes: [secretVolume('signet.orders')] }) })
    const foreign = pod({ ...spec, volumes: [secretVolume('signet.default')] })
    expect(await kubectl.refused(dryRun, { input: foreign })).toContain(
      'a pod of the ServiceAccount orders may use only',
    )
  })

  it('may not begin with the own name and go on', async () => {
    for (const name of ['signet.orders2', 'signet.orders.x', 'signet.']) {
      await kubectl.refused(dryRun, { input: pod({ volumes: [secretVolume(name)] }) })
    }
  })

  it('are judged in the system’s namespaces and the operator’s too', async () => {
    for (const where of ['kube-system', operatorNamespace, 'off']) {
      const foreign = pod({ volumes: [secretVolume('signet.payments')] }, { namespace: where })
      expect(await kubectl.refused(dryRun, { input: foreign })).toContain('signet-own-secret')
    }
  })

  it('are judged in a pod as large as the API server takes', async () => {
    const containers = Array.from({ length: 500 }, (_, index) => ({
      ...container({}, `c${index}`),
      env: Array.from({ length: 50 }, (__, position) => ({
        name: `VARIABLE_${position}`,
        valueFrom: { secretKeyRef: { name: 'other', key: 'key' } },
      })),
    }))
    const large = pod({ containers })
    expect(JSON.stringify(large).length).toBeGreaterThan(2_000_000)
    await kubectl.run(dryRun, { input: large })
  })
})

describe('a running pod', () => {
  interface Pod {
    metadata: { name: string }
    spec: { ephemeralContainers?: unknown[] }
  }
  const path = `/api/v1/namespaces/${namespace}/pods/running/ephemeralcontainers`

  beforeAll(() => kubectl.run(['create', '-f', '-'], { input: pod({}, { name: 'running' }) }))

  async function debug(fields: object) {
    const running = await kubectl.json<Pod>(['get', 'pod', 'running', '-n', namespace])
    const ephemeralContainers = [container({ ...fields, terminationMessagePolicy: 'File' }, 'debug')]
    const input = { ...running, spec: { ...running.spec, ephemeralContainers } }
    return kubectl.try(['replace', '--raw', `${path}?dryRun=All`, '-f', '-'], { input })
  }

  it.each([
    { what: 'env of an ephemeral container', fields: environment },
    { what: 'envFrom of an ephemeral container', fields: environmentFrom },
  ])('is refused $what with the Secret of another account, and given it with its own', async ({ what, fields }) => {
    const foreign = await debug(fields('signet.payments'))
    expect(foreign.code).not.toBe(0)
    expect(foreign.stderr).toContain(`${what} names the Secret of another identity`)
    expect(await debug(fields('signet.orders'))).toMatchObject({ code: 0 })
    expect(await debug({})).toMatchObject({ code: 0 })
  })

  it('that is from before the admission policy can still be labelled and lose its finalizers', async () => {
    const policy = ['validatingadmissionpolicybinding', 'signet-own-secret']
    const binding = await kubectl.json<Manifest>(['get', ...policy])
    await kubectl.run(['delete', ...policy])
    const old = pod({ volumes: [secretVolume('signet.payments')] }, { name: 'old', finalizers: ['example.com/job'] })
    await waitFor({
      what: 'the policy to be off',
      limitMs: 30_000,
      until: async () => (await kubectl.try(['create', '-f', '-'], { input: old })).code === 0,
    })
    const { apiVersion, kind, metadata, spec } = binding as Manifest & { spec: unknown }
    await kubectl.apply([{ apiVersion, kind, metadata: { name: metadata.name }, spec }])
    await waitFor({
      what: 'the policy to be on again',
      limitMs: 30_000,
      until: async () =>
        (await kubectl.try(dryRun, { input: { ...old, metadata: { name: 'n', namespace } } })).code !== 0,
    })
    await kubectl.run(['label', 'pod', 'old', '-n', namespace, 'a=b'])
    await kubectl.run([
      'patch',
      'pod',
      'old',
      '-n',
      namespace,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ])
    const image = ['set', 'image', 'pod/old', '-n', namespace, 'app=example/app:2']
    expect(await kubectl.refused(image)).toContain('a volume names the Secret of another identity')
  })
})
