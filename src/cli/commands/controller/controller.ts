import { randomUUID } from 'node:crypto'
import { ConditionalLeadership } from '../../../controller/runtime/conditional-leadership.ts'
import { ControllerLoop } from '../../../controller/runtime/controller-loop.ts'
import { Manager } from '../../../controller/runtime/manager.ts'
import { HttpKubeClient } from '../../../kube/client/http-client.ts'
import { loadConfig } from '../../../kube/client/kubeconfig.ts'
import { EventRecorder } from '../../../kube/events/event-recorder.ts'
import { LeaderElector } from '../../../kube/leader-election/leader-elector.ts'
import { CheckedClock } from '../../../time/checked-clock.ts'
import { type Clock, systemClock } from '../../../time/clock.ts'
import { readKeyEncryptionKeys } from '../key-encryption-keys.ts'
import { type Operations, startOperations } from '../operations.ts'
import { IdentityMetrics } from './identity-metrics.ts'
import { checkControllerLifetimes } from './lifetimes.ts'
import { type ControllerName, createQueues, createReconcilers } from './reconcilers.ts'
import { controllerSettings, type ControllerValues } from './settings.ts'
import { type ControllerSources, controllerSources } from './sources.ts'
import { registerTriggers } from './triggers.ts'

/**
 * `signet controller`: watches on every replica, reconciles on the leader. `systemTime` is this machine's clock, by
 * which reconcilers decide only while the API server's clock agrees with it.
 */
export async function runController(
  values: ControllerValues,
  signal: AbortSignal,
  systemTime: Clock = systemClock,
): Promise<void> {
  checkControllerLifetimes(values)
  const encryption = await readKeyEncryptionKeys(values.keyEncryptionKeyFile)
  const issuingKeyEncryption = await readKeyEncryptionKeys(
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
  const manager = createManager(values, client, operations, clock)
  const sources = controllerSources({ ...values, client, logger })
  const queues = createQueues(systemTime)
  const { reconcilers, caBundles, nudges } = createReconcilers({
    values,
    client,
    events,
    sources,
    queues,
    encryption,
    issuingKeyEncryption,
    clock,
    logger,
    metrics,
  })
  registerTriggers(sources, queues)
  for (const [name, source] of Object.entries(sources)) manager.addSource(name, source)
  for (const [name, workers] of Object.entries(workersOf(values)) as [ControllerName, number][]) {
    const [queue, reconciler] = [queues[name], reconcilers[name]]
    manager.addController(
      new ControllerLoop({
        name,
        queue,
        reconcile: (key, runSignal) => reconciler.reconcile(key, runSignal),
        workers,
        logger,
        onReconcile: ({ controller, result, durationMs }) =>
          metrics.reconcileDuration.observe({ controller, result }, durationMs / 1000),
      }),
    )
    operations.onScrape(() => metrics.queueDepth.set({ controller: name }, queue.depth))
  }
  operations.onScrape(() => metrics.nudgesWaiting.set(nudges.waiting))
  operations.onScrape(() => metrics.clockOffset.set(Math.round((client.clockOffset() ?? 0) / 1000)))
  collectIdentityMetrics(sources, operations)
  operations.addCheck('clock', () => clock.problem())
  addSourceChecks(sources, () => caBundles.allTrusted(), operations)
  try {
    await manager.run(signal)
  } finally {
    operations.stopping()
    await events.flush(AbortSignal.timeout(5000))
    await Promise.all([client.close(), operations.close()])
  }
}

/** How many keys each controller reconciles at a time. */
function workersOf({ workers }: ControllerValues): Readonly<Record<ControllerName, number>> {
  return {
    'service-identity': workers,
    nudge: 4,
    'issuing-keys': 1,
    'certificate-authority': 1,
    revocation: 2,
    'waiting-pods': 1,
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

function collectIdentityMetrics({ identities }: ControllerSources, operations: Operations): void {
  const identityMetrics = new IdentityMetrics()
  identities.onEvent((event) => identityMetrics.observe(event))
  operations.onScrape(() => identityMetrics.collect(operations.metrics))
}

function addSourceChecks(sources: ControllerSources, allTrusted: () => boolean, operations: Operations): void {
  for (const [name, source] of Object.entries(sources)) {
    operations.addCheck(name, () => (source.hasSynced ? undefined : 'has not been listed yet'))
  }
  const { mutating, validating } = sources
  let trusted = false
  // `helm install --wait` ends once admission works. A caBundle that is removed later makes no replica unready: the
  // controller writes it again.
  operations.addCheck('admission', () => {
    trusted ||= mutating.hasSynced && validating.hasSynced && allTrusted()
    return trusted ? undefined : 'the webhook configurations have no caBundle yet'
  })
}
