import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namespace as operatorNamespace } from '../../scripts/install.ts'
import { staticPodDirectory } from '../../tools/cluster/kubelet.ts'
import { Admissions } from './admissions.ts'
import { issuer } from './authority.ts'
import { type Pod, TestCluster } from './cluster.ts'
import { container, identity, pod, serviceAccount } from './manifests.ts'
import { steadily } from './steady.ts'

const namespace = 'e2e-webhook'
const subject = `spiffe://cluster.local/ns/${namespace}/sa/worker`

let test: TestCluster
let admissions: Admissions

beforeAll(async () => {
  test = await TestCluster.of()
  admissions = await Admissions.of(test)
  await test.namespace(namespace)
  await test.apply(serviceAccount('worker', namespace), identity('worker', namespace))
  await test.identitiesReady(namespace)
})

afterAll(async () => {
  admissions.close()
  await test.leave(namespace)
})

const named = (name: string, fields: object = {}) => pod({ name, namespace, account: 'worker', ...fields })
const mounted = { name: 'signet', mountPath: '/var/run/secrets/signet.dev', readOnly: true }
const bareLabels = { labels: { app: 'bare' } }

describe('a pod with the label', () => {
  it('gets the volume, the mount, the variables and the annotation', async () => {
    const { metadata, spec } = await admissions.create<Pod>(namespace, named('labelled'))
    expect(metadata.annotations).toEqual({ 'signet.dev/injected': 'worker' })
    expect(spec.volumes).toEqual([
      { name: 'signet', projected: { sources: [{ secret: { name: 'signet.worker' } }], defaultMode: 0o444 } },
    ])
    expect(spec.containers[0]?.volumeMounts).toEqual([expect.objectContaining(mounted)])
    expect(spec.containers[0]?.env).toEqual([
      { name: 'SIGNET_DIR', value: mounted.mountPath },
      { name: 'SIGNET_TOKEN_FILE', value: `${mounted.mountPath}/token` },
      { name: 'SIGNET_ISSUER', value: issuer },
    ])
  })

  it('has it in init containers and native sidecars too, from the first moment', async () => {
    const reads = ['/nodejs/bin/node', '-e', 'fs.readFileSync(process.env.SIGNET_TOKEN_FILE)']
    const initContainers = [container('first', { command: reads }), container('sidecar', { restartPolicy: 'Always' })]
    await test.apply(named('sidecar', { spec: { initContainers, containers: [container('app')] } }))
    await test.ready(namespace, 'sidecar')
    const script = 'process.stdout.write(fs.readFileSync(process.env.SIGNET_TOKEN_FILE))'
    const inSidecar = ['exec', 'sidecar', '-c', 'sidecar', '--', '/nodejs/bin/node', '-e', script]
    expect(decodeJwt(await test.kubectl('-n', namespace, ...inSidecar)).sub).toBe(subject)
    await test.kubectl('-n', namespace, 'delete', 'pod', 'sidecar', '--wait=false')
  })

  it('of a Job runs to its end', async () => {
    const script = 'console.log(fs.readFileSync(process.env.SIGNET_TOKEN_FILE, "utf8").split(".").length)'
    const { metadata, spec } = named('reads', {
      spec: { restartPolicy: 'Never', containers: [container('app', { command: ['/nodejs/bin/node', '-e', script] })] },
    })
    const template = { metadata: { labels: metadata.labels }, spec }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'reads', namespace }, spec: { template } }
    await test.apply(job)
    await test.kubectl('-n', namespace, 'wait', 'job/reads', '--for=condition=Complete', '--timeout=60s')
    expect((await test.kubectl('-n', namespace, 'logs', 'job/reads')).trim()).toBe('3')
  })
})

describe('what did not ask for it', () => {
  it('stays as it is: a pod without the label', async () => {
    const { metadata, spec } = await admissions.create<Pod>(namespace, named('bare', bareLabels))
    expect(metadata).not.toHaveProperty('annotations')
    expect(spec).not.toHaveProperty('volumes')
    expect(spec.containers[0]).not.toHaveProperty('env')
    expect(spec.containers[0]).not.toHaveProperty('volumeMounts')
  })

  it('stays as it is: a static pod, label or not', async () => {
    const file = join(staticPodDirectory, 'e2e-static.json')
    const spec = { containers: [container('app')], terminationGracePeriodSeconds: 0 }
    const { metadata } = named('static')
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }))
    const mirrors = () => test.pods(namespace, 'signet.dev/inject=true')
    const find = async () => (await mirrors()).find((one) => one.metadata.name.startsWith('static-'))
    try {
      await test.eventually('the static pod to run', async () => (await find())?.status.phase === 'Running')
      const mirror = await find()
      expect(mirror?.metadata.annotations).toHaveProperty(['kubernetes.io/config.mirror'])
      expect(mirror?.metadata.annotations).not.toHaveProperty(['signet.dev/injected'])
      expect(mirror?.spec.volumes ?? []).toEqual([])
    } finally {
      await rm(file)
    }
    await test.eventually('the static pod to go', async () => (await find()) === undefined)
  })
})

describe('a ServiceIdentity that this installation does not allow', () => {
  const create = ['create', '-f', '-']

  it('is refused with field, value and remedy', async () => {
    const wanted = identity('greedy', namespace, { tokens: [{ name: 'a', claims: { groups: ['admin'] } }] })
    const said = await test.refused(wanted, ...create)
    expect(said).toContain(
      'The ServiceIdentity "greedy" is invalid: spec.tokens[0].claims.groups: ' +
        'claim "groups" is not allowed here: add it to the chart\'s allowedClaims',
    )
  })

  it('is taken with a claim that it does allow, which is then in the token', async () => {
    await test.apply(identity('team', namespace, { tokens: [{ name: 'a', claims: { team: 'checkout' } }] }))
    await test.identitiesReady(namespace)
    const path = 'jsonpath={.data.token}'
    const data = await test.kubectl('-n', namespace, 'get', 'secret', 'signet.team', '-o', path)
    expect(decodeJwt(Buffer.from(data, 'base64').toString())).toMatchObject({ aud: 'a', team: 'checkout' })
  })
})

describe('the webhook', () => {
  const injects = async () => {
    const { spec } = await admissions.create<Pod>(namespace, named('load'))
    if (spec.volumes?.length !== 1) throw new Error('a labelled pod was admitted bare')
  }

  it('loses no admission while its replicas are replaced, at 80 pods a second', async () => {
    const before = await test.pods(operatorNamespace, 'app.kubernetes.io/component=webhook')
    const tally = await steadily(80, injects, async () => {
      await test.kubectl('-n', operatorNamespace, 'rollout', 'restart', 'deployment/signet-webhook')
      await test.kubectl('-n', operatorNamespace, 'rollout', 'status', 'deployment/signet-webhook', '--timeout=120s')
      const old = before.map(({ metadata }) => `pod/${metadata.name}`)
      await test.kubectl('-n', operatorNamespace, 'wait', '--for=delete', '--timeout=60s', ...old)
    })
    console.log(`admissions while the webhook was rolled: ${tally.calls}, slowest ${Math.round(tally.slowestMs)} ms`)
    expect(tally.failures).toEqual([])
    expect(tally.calls).toBeGreaterThan(800)
  })

  it('is trusted again within five seconds after its caBundle was wiped', async () => {
    const kinds = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']
    const bundle = (kind: string) =>
      test.kubectl('get', kind, 'signet', '-o', 'jsonpath={.webhooks[0].clientConfig.caBundle}')
    const wipe = ['--type=json', '-p', '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]']
    for (const kind of kinds) {
      const before = await bundle(kind)
      expect(before.length).toBeGreaterThan(100)
      await test.kubectl('patch', kind, 'signet', ...wipe)
      const wiped = performance.now()
      await test.eventually('the caBundle', async () => (await bundle(kind)) === before, 5000)
      console.log(`caBundle of ${kind} restored after ${Math.round(performance.now() - wiped)} ms`)
    }
    await test.eventually('admission', async () => (await injects(), true), 5000)
  })

  it('I9: by its absence holds up labelled pods, with a word why, and no others', async () => {
    const scale = (replicas: number) =>
      test.kubectl('-n', operatorNamespace, 'scale', 'deployment/signet-webhook', `--replicas=${replicas}`)
    const selector = ['-l', 'app.kubernetes.io/component=webhook']
    try {
      await scale(0)
      await test.kubectl('-n', operatorNamespace, 'delete', 'pod', ...selector, '--grace-period=0', '--force')
      await test.eventually('a refusal', () =>
        injects().then(
          () => false,
          () => true,
        ),
      )
      await expect(injects()).rejects.toThrow('failed calling webhook "pods.signet.dev"')
      await admissions.create(namespace, named('bare', bareLabels))
    } finally {
      await scale(2)
      await test.kubectl('-n', operatorNamespace, 'rollout', 'status', 'deployment/signet-webhook', '--timeout=120s')
    }
    await test.eventually('admission', async () => (await injects(), true))
  })
})
