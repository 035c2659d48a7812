import { CaBundles } from '../../../controller/certificate-authority/ca-bundle.ts'
import { CaSecret } from '../../../controller/certificate-authority/ca-secret.ts'
import { OwnSecrets } from '../../../controller/certificate-authority/own-secrets.ts'
import { CertificateAuthorityReconciler } from '../../../controller/certificate-authority/reconciler.ts'
import { ServingCertificates } from '../../../controller/certificate-authority/serving-certificates.ts'
import { fieldManager } from '../../../controller/field-manager.ts'
import { IssuingKeysReconciler } from '../../../controller/issuing-keys/reconciler.ts'
import { keyRequests } from '../../../controller/issuing-keys/requests.ts'
import { KeyRingReconciler } from '../../../controller/key-ring/reconciler.ts'
import { rememberRings } from '../../../controller/key-ring/remember-rings.ts'
import { stillOwner } from '../../../controller/key-ring/still-owner.ts'
import { NudgeReconciler } from '../../../controller/nudge/reconciler.ts'
import { givenUp } from '../../../controller/revocation/given-up.ts'
import { RevocationReconciler } from '../../../controller/revocation/reconciler.ts'
import type { Reconciler } from '../../../controller/runtime/reconcile.ts'
import { WorkQueue } from '../../../controller/runtime/workqueue.ts'
import { ServiceIdentityReconciler } from '../../../controller/service-identity/reconciler.ts'
import { WorkloadSecrets } from '../../../controller/service-identity/workload-secret.ts'
import { WaitingPodsReconciler } from '../../../controller/waiting-pods/reconciler.ts'
import { theAuthority } from '../../../identity/key-owner.ts'
import { publicKeysName } from '../../../identity/workload.ts'
import type { KeyEncryptionKeys } from '../../../keys/key-ring/encryption.ts'
import { generateSigningKey } from '../../../keys/signing-key.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import { keyOf } from '../../../kube/client/object.ts'
import type { EventSink } from '../../../kube/events/event-recorder.ts'
import { ConfigMapPublicKeyStore } from '../../../kube/keys/config-map-public-key-store.ts'
import { SecretKeyStore } from '../../../kube/keys/secret-key-store.ts'
import type { Logger } from '../../../logger.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'
import type { Clock } from '../../../time/clock.ts'
import { defaultIssuer } from '../../settings/shared.ts'
import type { ControllerValues } from './settings.ts'
import type { ControllerSources } from './sources.ts'

/** The controllers by the names that logs and metrics give them. */
const controllerNames = [
  'service-identity',
  'nudge',
  'issuing-keys',
  'certificate-authority',
  'revocation',
  'waiting-pods',
] as const

export type ControllerName = (typeof controllerNames)[number]
export type Queues = Readonly<Record<ControllerName, WorkQueue>>

/** Queues come before reconcilers: some reconcilers add keys to the queue of another controller. */
export function createQueues(clock: Clock): Queues {
  const entries = controllerNames.map((name) => [name, new WorkQueue({ clock })])
  return Object.fromEntries(entries) as Record<ControllerName, WorkQueue>
}

interface ReconcilerOptions {
  readonly values: ControllerValues
  readonly client: KubeClient
  readonly events: EventSink
  readonly sources: ControllerSources
  readonly queues: Queues
  readonly encryption: KeyEncryptionKeys | undefined
  readonly issuingKeyEncryption: KeyEncryptionKeys | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

interface Reconcilers {
  readonly reconcilers: Readonly<Record<ControllerName, Reconciler>>
  /** For the readiness of the process. */
  readonly caBundles: CaBundles
  /** For a gauge. */
  readonly nudges: NudgeReconciler
}

/** Creates the reconciler of each controller from what they share. */
export function createReconcilers(options: ReconcilerOptions): Reconcilers {
  const { values, client, sources, queues, events, clock, logger, metrics } = options
  const { namespace, trustDomain } = values
  const [identities, revocations, pods] = [sources.identities.store, sources.revocations.store, sources.pods.store]
  const { caSecret, servingCertificates, caBundles } = certificates(options)
  const { keyRings, configMap } = keys(options)
  const nudges = new NudgeReconciler({ client, pods, clock, metrics })
  const reconcilers = {
    'service-identity': new ServiceIdentityReconciler({
      client,
      identities,
      revocations,
      keyRings,
      secrets: new WorkloadSecrets({ client, store: sources.workloadSecrets.store, clock }),
      trustBundle: () => caSecret.bundle(),
      events,
      nudges: {
        lags: (key, since) => nudges.lags(key, since),
        request: (key, wish) => {
          nudges.request(key, wish)
          queues.nudge.add(key, { priority: wish?.urgent === true ? 'high' : 'low' })
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
    }),
    nudge: nudges,
    'issuing-keys': new IssuingKeysReconciler({ keyRings, configMap, namespace, events, clock, logger, metrics }),
    'certificate-authority': new CertificateAuthorityReconciler({
      caSecret,
      servingCertificates,
      caBundles,
      onBundle: () => {
        for (const { metadata } of identities.values()) {
          queues['service-identity'].add(keyOf(metadata), { priority: 'low' })
        }
      },
      clock,
      logger,
      metrics,
    }),
    revocation: new RevocationReconciler({ client, revocations, identities, events, clock, logger }),
    'waiting-pods': new WaitingPodsReconciler({ pods, identities, events, clock }),
  }
  return { reconcilers, caBundles, nudges }
}

function certificates({ values, client, sources, clock }: ReconcilerOptions) {
  const { namespace, trustDomain, clusterDomain, caLifetime, servingCertificateLifetime } = values
  const secrets = new OwnSecrets({ client, store: sources.certificates.store, namespace })
  const lifetimes = { ca: caLifetime, leaf: servingCertificateLifetime }
  const [mutating, validating] = [sources.mutating.store, sources.validating.store]
  return {
    caSecret: new CaSecret({ secrets, namespace, trustDomain, lifetimes, clock }),
    servingCertificates: new ServingCertificates({
      secrets,
      namespace,
      clusterDomain,
      lifetime: servingCertificateLifetime,
      clock,
    }),
    caBundles: new CaBundles({ client, mutating, validating, fieldManager, clock }),
  }
}

function keys({ values, client, sources, encryption, issuingKeyEncryption, clock }: ReconcilerOptions) {
  const { namespace } = values
  const configMap = () => sources.publicKeys.store.get({ namespace, name: publicKeysName(theAuthority) })
  const store = sources.keyRings.store
  const rings = new SecretKeyStore({ client, store, namespace, encryption, issuingKeyEncryption })
  const keyRings = new KeyRingReconciler({
    rings,
    publicKeys: new ConfigMapPublicKeyStore({ client, store: sources.publicKeys.store, namespace }),
    clock,
    generate: generateSigningKey,
    stillOwner: stillOwner(client),
    lossAccepted: givenUp(sources.revocations.store, () => keyRequests(configMap()).revoked),
  })
  rememberRings({ keyRings: sources.keyRings, identities: sources.identities, rings, trusted: keyRings.trusted })
  return { keyRings, configMap }
}
