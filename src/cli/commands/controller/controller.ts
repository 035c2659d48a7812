import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../../time/clock.ts'
import { AuthorityKeysReconciler, authorityKeysKey } from '../../../controller/issuing-keys/reconciler.ts'
import { keyRequests } from '../../../controller/issuing-keys/requests.ts'
import { CaSecret } from '../../../controller/certificate-authority/ca-secret.ts'
import { CaBundles } from '../../../controller/certificate-authority/ca-bundle.ts'
import { OwnSecrets } from '../../../controller/certificate-authority/own-secrets.ts'
import {
  CertificateAuthorityReconciler,
  caSetKey,
} from '../../../controller/certificate-authority/reconciler.ts'
import { ServingCertificates } from '../../../controller/certificate-authority/serving-certificates.ts'
import { CheckedClock } from '../../../time/checked-clock.ts'
import { ConditionalLeadership } from '../../../controller/runtime/conditional-leadership.ts'
import { ControllerLoop } from '../../../controller/runtime/controller-loop.ts'
import { KeyRingReconciler } from '../../../controller/key-ring/reconciler.ts'
import { stillOwner } from '../../../controller/key-ring/still-owner.ts'
import { rememberRings } from '../../../controller/key-ring/remember-rings.ts'
import { Manager } from '../../../controller/runtime/manager.ts'
import { NudgeReconciler } from '../../../controller/nudge/reconciler.ts'
import { identityOfPod } from '../../../controller/nudge/injected-pods.ts'
import type { Reconcile } from '../../../controller/runtime/reconcile.ts'
import { identityOf, revocationsOf } from '../../../controller/revocation/by-identity.ts'
import { givenUp } from '../../../controller/revocation/given-up.ts'
import { RevocationReconciler } from '../../../controller/revocation/reconciler.ts'
import { fieldManager, ServiceIdentityReconciler } from '../../../controller/service-identity/reconciler.ts'
import { WorkloadSecrets } from '../../../controller/service-identity/workload-secret.ts'
import { WaitingPodsReconciler } from '../../../controller/waiting-pods/reconciler.ts'
import { WorkQueue } from '../../../controller/runtime/workqueue.ts'
import { isAuthority, theAuthority } from '../../../identity/key-owner.ts'
import { identityKey } from '../../../identity/service-identity.ts'
import { identityNameOfSecret, publicKeysName } from '../../../identity/workload.ts'
import type { KeyEncryptionKeys } from '../../../keys/key-ring/encryption.ts'
import { generateSigningKey } from '../../../keys/signing-key.ts'
import { loadConfig } from '../../../kube/client/kubeconfig.ts'
import { EventRecorder } from '../../../kube/events/event-recorder.ts'
import { HttpKubeClient } from '../../../kube/client/http-client.ts'
import { LeaderElector } from '../../../kube/leader-election/leader-elector.ts'
import { keyOf } from '../../../kube/client/object.ts'
import { annotatedOwner } from '../../../kube/keys/owner-annotations.ts'
import { ConfigMapPublicKeyStore } from '../../../kube/keys/config-map-public-key-store.ts'
import { SecretKeyStore } from '../../../kube/keys/secret-key-store.ts'
import { defaultIssuer } from '../../settings/shared.ts'
import { controllerSettings, type ControllerValues } from './settings.ts'
import { checkControllerLifetimes } from './lifetimes.ts'
import { controllerSources } from './sources.ts'
import { IdentityFigures } from './identity-metrics.ts'
import { readKeyEncryptionKeys } from '../key-encryption-keys.ts'
import { type Operations, startOperations } from '../operations.ts'

/**
 * `signet controller`: watches on every replica, reconciles on the one that leads. `systemTime` is this machine's clock,
 * which reconcilers believe only as long as the API server's does not contradict it.
 */
export async function runController(
  values: ControllerValues,
  signal: AbortSignal,
  systemTime: Clock = systemClock,
): Promise<void> {
  checkControllerLifetimes(values)
  const encryption = await readKeyEncryptionKeys(values.keyEncryptionKeyFile)
  const authorityEncryption = await readKeyEncryptionKeys(
    values.issuingKeyEncryptionKeyFile,
    controllerSettings.issuingKeyEncryptionKeyFile,
  )
  const configuration = await loadConfig({ kubeconfig: values.kubeconfig, environment: process.env })
  const operations = await startOperations('controller', values)
  const { logger, metrics } = operations
  const client = new HttpKubeClient(configuration, {
    logger,
    clock: systemTime,
    onRequest: ({ verb, resource, status }) => metrics.apiRequests.inc({ verb, resource, status: String(status) }),
  })
  const events = new EventRecorder({
    client,
    reportingController: 'signet.dev/controller',
    reportingInstance: values.identity,
    logger,
  })
  const clock = new CheckedClock({ clock: systemTime, offset: () => client.clockOffset(), logger })
  operations.addCheck('clock', () => clock.problem())
  operations.onScrape(() => metrics.clockOffset.set(Math.round((client.clockOffset() ?? 0) / 1000)))
  const manager = createManager(values, client, operations, clock)
  wire(values, client, events, operations, manager, { clock, systemTime, encryption, authorityEncryption })
  try {
    await manager.run(signal)
  } finally {
    operations.stopping()
    await events.flush(AbortSignal.timeout(5000))
    await Promise.all([client.close(), operations.close()])
  }
}

function createManager(
  values: ControllerValues,
  client: HttpKubeClient,
  { logger, metrics }: Operations,
  clock: CheckedClock,
): Manager {
  metrics.leader.set(0)
  const elector = (onStartedLeading: (signal: AbortSignal) => Promise<void>) => () =>
    new LeaderElector({
      client,
      namespace: values.namespace,
      name: 'signet-controller',
      identity: `${values.identity}_${randomUUID()}`,
      onStartedLeading: async (leading) => {
        logger.info('leading')
        metrics.leader.set(1)
        await onStartedLeading(leading).finally(() => metrics.leader.set(0))
      },
      logger,
    })
  return new Manager({
    logger,
    elector: (onStartedLeading) =>
      new ConditionalLeadership({
        elector: elector(onStartedLeading),
        unfit: () => clock.problem(),
        onUnfit: (listener) => clock.onPaused(listener),
      }),
  })
}

/** Joins watches, queues and reconcilers: which event makes what be looked at. */
function wire(
  values: ControllerValues,
  client: HttpKubeClient,
  events: EventRecorder,
  operations: Operations,
  manager: Manager,
  {
    clock,
    systemTime,
    ...encryption
  }: {
    clock: CheckedClock
    systemTime: Clock
    encryption: KeyEncryptionKeys | undefined
    authorityEncryption: KeyEncryptionKeys | undefined
  },
): void {
  const { namespace, trustDomain, watchNamespaces } = values
  const { logger, metrics } = operations
  const sources = controllerSources({ client, namespace, watchNamespaces, logger })
  const loop = (name: string, reconcile: Reconcile, workers: number): WorkQueue => {
    const queue = new WorkQueue({ clock: systemTime })
    const onReconcile = ({
      controller,
      result,
      durationMs,
    }: {
      controller: string
      result: string
      durationMs: number
    }) => metrics.reconcileDuration.observe({ controller, result }, durationMs / 1000)
    manager.addLeaderRunnable(new ControllerLoop({ name, queue, reconcile, workers, logger, onReconcile }))
    operations.onScrape(() => metrics.queueDepth.set({ controller: name }, queue.depth))
    return queue
  }

  const identities = sources.identities.store
  const ownSecrets = new OwnSecrets({ client, store: sources.certificates.store, namespace })
  const authorities = new CaSecret({
    secrets: ownSecrets,
    namespace,
    trustDomain,
    lifetimes: { ca: values.caLifetime, leaf: values.servingCertificateLifetime },
    clock,
  })
  const nudges = new NudgeReconciler({ client, pods: sources.pods.store, clock, metrics })
  operations.onScrape(() => metrics.nudgesWaiting.set(nudges.waiting))
  const nudgeQueue = loop('nudge', (key, signal) => nudges.reconcile(key, signal), 4)
  const rings = new SecretKeyStore({ client, store: sources.keyRings.store, namespace, ...encryption })
  const authorityConfigMap = () => sources.publicKeys.store.get({ namespace, name: publicKeysName(theAuthority) })
  const keyRings = new KeyRingReconciler({
    rings,
    publicKeys: new ConfigMapPublicKeyStore({ client, store: sources.publicKeys.store, namespace }),
    clock,
    generate: generateSigningKey,
    stillOwner: stillOwner(client),
    lossAccepted: givenUp(sources.revocations.store, () => keyRequests(authorityConfigMap()).revoked),
  })
  rememberRings({ keyRings: sources.keyRings, identities: sources.identities, rings, guard: keyRings.guard })
  const reconciler = new ServiceIdentityReconciler({
    client,
    identities,
    revocations: sources.revocations.store,
    keyRings,
    secrets: new WorkloadSecrets({ client, store: sources.workloadSecrets.store, clock }),
    trustBundle: () => authorities.bundle(),
    events,
    nudges: {
      lags: (key, since) => nudges.lags(key, since),
      request: (key, wish) => {
        nudges.request(key, wish)
        nudgeQueue.add(key, { priority: wish?.urgent === true ? 'high' : 'low' })
      },
    },
    settings: {
      trustDomain,
      issuer: values.issuer ?? defaultIssuer(namespace),
      issuerScope: values.issuerScope,
      nudge: values.nudge,
      allowedClaims: values.allowedClaims,
    },
    clock,
    logger,
    metrics,
  })
  const identityQueue = loop('service-identity', (key, signal) => reconciler.reconcile(key, signal), values.workers)
  const everyIdentity = (): void => {
    for (const { metadata } of identities.values()) identityQueue.add(keyOf(metadata), { priority: 'low' })
  }
  const authorityKeys = new AuthorityKeysReconciler({
    keyRings,
    configMap: authorityConfigMap,
    namespace,
    events,
    clock,
    logger,
    metrics,
  })
  const authorityQueue = loop('authority-keys', (key, signal) => authorityKeys.reconcile(key, signal), 1)
  authorityQueue.add(authorityKeysKey)
  const { mutating, validating } = sources
  const caBundles = new CaBundles({
    client,
    mutating: mutating.store,
    validating: validating.store,
    fieldManager,
    clock,
  })
  const certificateAuthority = new CertificateAuthorityReconciler({
    authorities,
    servingCertificates: new ServingCertificates({
      secrets: ownSecrets,
      namespace,
      clusterDomain: values.clusterDomain,
      lifetime: values.servingCertificateLifetime,
      clock,
    }),
    caBundles,
    onBundle: everyIdentity,
    clock,
    logger,
    metrics,
  })
  const certificateQueue = loop(
    'certificate-authority',
    (key, signal) => certificateAuthority.reconcile(key, signal),
    1,
  )
  const revocations = new RevocationReconciler({
    client,
    revocations: sources.revocations.store,
    identities,
    events,
    clock,
    logger,
  })
  const revocationQueue = loop('revocation', (key, signal) => revocations.reconcile(key, signal), 2)
  const waiting = new WaitingPodsReconciler({ pods: sources.pods.store, identities, events, clock })
  const waitingQueue = loop('waiting-pods', (key) => waiting.reconcile(key), 1)

  const priority = (initial: boolean) => ({ priority: initial ? 'low' : 'high' }) as const
  // A status is written whatever the spec has become meanwhile, so that also our own write may bring another's change.
  sources.identities.onEvent(({ object: { metadata }, initial }) => {
    identityQueue.add(keyOf(metadata), priority(initial))
    const identity = { namespace: metadata.namespace ?? '', name: metadata.name }
    for (const revocation of revocationsOf(sources.revocations.store, identity)) {
      revocationQueue.add(keyOf(revocation.metadata))
    }
  })
  sources.revocations.onEvent(({ object }) => {
    identityQueue.add(identityKey(identityOf(object)), priority(false))
    revocationQueue.add(keyOf(object.metadata))
  })
  // Secrets and ConfigMaps are compared and swapped: what a reconcile wrote, it knows.
  sources.workloadSecrets.onEvent(({ object: { metadata }, initial, own }) => {
    const name = identityNameOfSecret(metadata.name)
    if (name !== undefined && !own) identityQueue.add(keyOf({ namespace: metadata.namespace, name }), priority(initial))
  })
  for (const source of [sources.keyRings, sources.publicKeys]) {
    source.onEvent(({ object, initial, own }) => {
      const owner = own ? undefined : annotatedOwner(object)
      if (owner === undefined) return
      if (isAuthority(owner)) authorityQueue.add(authorityKeysKey)
      else identityQueue.add(identityKey(owner), priority(initial))
    })
  }
  sources.pods.onEvent(({ type, object }) => {
    if (type === 'added' && identityOfPod(object) !== undefined) waitingQueue.add(keyOf(object.metadata))
  })
  for (const source of [sources.certificates, sources.mutating, sources.validating]) {
    source.onEvent(() => certificateQueue.add(caSetKey))
  }
  certificateQueue.add(caSetKey)

  for (const [name, source] of Object.entries(sources)) {
    manager.addSource(source)
    operations.addCheck(name, () => (source.hasSynced ? undefined : 'has not been listed yet'))
  }
  let trusted = false
  // So that `helm install --wait` ends when admission works. Once is enough: a bundle that is wiped later is mended.
  operations.addCheck('admission', () => {
    trusted ||= mutating.hasSynced && validating.hasSynced && caBundles.allTrusted()
    return trusted ? undefined : 'the webhook configurations have no caBundle yet'
  })
  const figures = new IdentityFigures()
  sources.identities.onEvent((event) => figures.learn(event))
  operations.onScrape(() => figures.collect(metrics))
}
