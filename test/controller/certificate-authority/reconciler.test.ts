import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { components, selectorOf } from '../../../src/api/v1alpha1/metadata.ts'
import { splitPem } from '../../../src/certificates/pem.ts'
import { certificateInfo, isIssuedBy } from '../../../src/certificates/validate.ts'
import { CaSecret } from '../../../src/controller/certificate-authority/ca-secret.ts'
import { CaBundles, type WebhookConfiguration } from '../../../src/controller/certificate-authority/ca-bundle.ts'
import { CertificateAuthorityReconciler } from '../../../src/controller/certificate-authority/reconciler.ts'
import { OwnSecrets } from '../../../src/controller/certificate-authority/own-secrets.ts'
import { ServingCertificates } from '../../../src/controller/certificate-authority/serving-certificates.ts'
import { DAY } from '../../../src/time/duration.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { type Resource, resources } from '../../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../../src/kube/secrets/secret-codec.ts'
import { silentLogger } from '../../../src/logger.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { settled } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const namespace = 'signet-system'
let client: MemoryKubeClient
let clock: HeldClock
let bundles: number
const stops: (() => Promise<void>)[] = []

beforeEach(async () => {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  bundles = 0
  for (const resource of [resources.mutatingWebhookConfigurations, resources.validatingWebhookConfigurations]) {
    await client.create<WebhookConfiguration>(resource, {
      metadata: { name: 'signet' },
      webhooks: [{ name: 'pods.signet.dev', clientConfig: {} }],
    })
  }
})
afterEach(async () => {
  for (const stop of splice()) await stop()
})
const splice = () => stops.splice(0)

async function start() {
  const aborted = new AbortController()
  const secrets = new Reflector<Secret>({
    client,
    resource: resources.secrets,
    namespace,
    labelSelector: selectorOf(components.certificateAuthority, components.servingCertificate),
  })
  const configurations = (resource: Resource) => new Reflector<WebhookConfiguration>({ client, resource })
  const mutating = configurations(resources.mutatingWebhookConfigurations)
  const validating = configurations(resources.validatingWebhookConfigurations)
  const { store } = secrets
  const running = [secrets, mutating, validating].map((reflector) => reflector.run(aborted.signal))
  await Promise.all([secrets.synced(), mutating.synced(), validating.synced()])
  stops.push(async () => {
    aborted.abort()
    await Promise.all(running)
  })
  const common = { secrets: new OwnSecrets({ client, store, namespace }), namespace, clock }
  const caBundles = new CaBundles({
    client,
    mutating: mutating.store,
    validating: validating.store,
    fieldManager: 'test',
    clock,
  })
  const reconciler = new CertificateAuthorityReconciler({
    caSecret: new CaSecret({
      ...common,
      trustDomain: 'cluster.local',
      lifetimes: { ca: 365 * DAY, leaf: 30 * DAY },
    }),
    servingCertificates: new ServingCertificates({ ...common, clusterDomain: 'cluster.local', lifetime: 30 * DAY }),
    caBundles,
    onBundle: () => {
      bundles += 1
    },
    clock,
    logger: silentLogger,
    metrics: createMetrics(),
  })
  const reconcile = async () => {
    await settled()
    return reconciler.reconcile('certificate-authority', AbortSignal.timeout(10_000))
  }
  return Object.assign(reconcile, { caBundles })
}

const secret = async (name: string): Promise<Secret> => {
  const found = await client.get<Secret>(resources.secrets, { namespace, name })
  if (found === undefined) throw new Error(`no Secret ${name}`)
  return found
}
const certificate = async (name: string) => secretText(await secret(name), 'tls.crt') ?? ''
const bundle = async () => secretText(await secret('signet-ca'), 'ca.crt') ?? ''
const caBundle = async (resource: Resource = resources.mutatingWebhookConfigurations) => {
  const configuration = await client.get<WebhookConfiguration>(resource, { name: 'signet' })
  return Buffer.from(configuration?.webhooks?.[0]?.clientConfig?.caBundle ?? '', 'base64').toString()
}
const trusted = async (name: string): Promise<boolean> => {
  const leaf = await certificate(name)
  return splitPem(await bundle()).some((ca) => isIssuedBy(leaf, ca))
}

describe('the controller of the CA', () => {
  it.each(['signet-ca', 'signet-webhook-tls'])(
    'I7: goes on with %s after another tool has taken its labels',
    async (name) => {
      const reconcile = await start()
      await reconcile()
      const before = await secret(name)
      const { labels: _taken, ...metadata } = before.metadata
      await client.replace(resources.secrets, { ...before, metadata: { ...metadata, labels: { app: 'theirs' } } })
      await expect(reconcile()).rejects.toSatisfy((error) => error instanceof KubeError && error.isAlreadyExists)
      await reconcile()
      const after = await secret(name)
      expect(after.data).toEqual(before.data)
      expect(after.metadata.labels).toEqual({ app: 'theirs', ...before.metadata.labels })
    },
  )

  it('creates one CA, two serving certificates of it, and the trust in it', async () => {
    const reconcile = await start()
    await reconcile()
    expect(splitPem(await bundle())).toHaveLength(1)
    for (const name of ['signet-webhook', 'signet-authority']) {
      expect(await trusted(`${name}-tls`)).toBe(true)
      expect(certificateInfo(await certificate(`${name}-tls`)).dnsNames).toEqual(
        expect.arrayContaining([`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`]),
      )
    }
    expect(await caBundle()).toBe(await bundle())
    expect(await caBundle(resources.validatingWebhookConfigurations)).toBe(await bundle())
    expect(bundles).toBe(1)
    const writes = client.writes.length
    await reconcile()
    expect(client.writes.length).toBe(writes)
  })

  it('knows when the API server can trust every webhook', async () => {
    const reconcile = await start()
    expect(reconcile.caBundles.allTrusted()).toBe(false)
    await reconcile()
    expect(reconcile.caBundles.allTrusted()).toBe(true)
  })

  it('lets two replicas that start at once end up with one CA', async () => {
    const [first, second] = [await start(), await start()]
    await Promise.allSettled([first(), second()])
    await first()
    await second()
    expect(splitPem(await bundle())).toHaveLength(1)
    expect(await trusted('signet-webhook-tls')).toBe(true)
  })

  it('renews each serving certificate after a third of its life', async () => {
    const reconcile = await start()
    await reconcile()
    const first = await certificate('signet-webhook-tls')
    clock.advance(9 * DAY)
    await reconcile()
    expect(await certificate('signet-webhook-tls')).toBe(first)
    clock.advance(1.1 * DAY)
    await reconcile()
    expect(await certificate('signet-webhook-tls')).not.toBe(first)
  })

  it('issues anew what was deleted, broken or belongs to another key', async () => {
    const reconcile = await start()
    await reconcile()
    const foreign = (await secret('signet-authority-tls')).data?.['tls.key'] ?? ''
    const ref = { namespace, name: 'signet-webhook-tls' }
    for (const data of [{ 'tls.key': foreign }, { 'tls.crt': 'bm9uc2Vuc2U=' }, { 'tls.crt': null }]) {
      await client.patch(resources.secrets, ref, { data }, { type: 'merge' })
      await reconcile()
      expect(await trusted('signet-webhook-tls')).toBe(true)
      expect((await secret('signet-webhook-tls')).data?.['tls.key']).not.toBe(foreign)
    }
  })

  it('rotates the CA over two years without a moment at which a served certificate is not trusted', async () => {
    const reconcile = await start()
    const cas = new Set<string>()
    const end = clock.now() + 730 * DAY
    while (clock.now() < end) {
      await reconcile()
      for (const pem of splitPem(await bundle())) cas.add(pem)
      for (const name of ['signet-webhook-tls', 'signet-authority-tls']) {
        expect(await trusted(name)).toBe(true)
        expect(certificateInfo(await certificate(name)).notAfter - clock.now()).toBeGreaterThan(15 * DAY)
      }
      expect(await caBundle()).toBe(await bundle())
      clock.advance(2 * DAY)
    }
    expect(cas.size).toBeGreaterThanOrEqual(3)
    expect(splitPem(await bundle()).length).toBeLessThanOrEqual(2)
  }, 240_000)

  it('restores a caBundle that is wiped at once, and ever more slowly when something fights', async () => {
    const reconcile = await start()
    await reconcile()
    const wipe = () =>
      client.patch(
        resources.mutatingWebhookConfigurations,
        { name: 'signet' },
        { webhooks: [{ name: 'pods.signet.dev', clientConfig: {} }] },
        { type: 'merge' },
      )
    for (let round = 0; round < 5; round += 1) {
      await wipe()
      await reconcile()
      expect(await caBundle()).toBe(await bundle())
      clock.advance(1000)
    }
    await wipe()
    const { requeueAfterMs = Number.POSITIVE_INFINITY } = await reconcile()
    expect(await caBundle()).toBe('')
    expect(requeueAfterMs).toBeLessThanOrEqual(5000)
    clock.advance(requeueAfterMs)
    await reconcile()
    expect(await caBundle()).toBe(await bundle())
  })
})
