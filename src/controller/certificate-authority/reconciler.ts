import { signingCa } from '../../certificates/ca-set.ts'
import type { Clock } from '../../time/clock.ts'
import { HOUR, SECOND } from '../../time/duration.ts'
import type { Logger } from '../../logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'
import type { CaSecret } from './ca-secret.ts'
import type { CaBundles } from './ca-bundle.ts'
import { type ServingCertificates, servers } from './serving-certificates.ts'

/** The only key of this controller's queue: CAs, serving certificates and caBundles depend on each other. */
export const caSetKey = 'certificate-authority'

interface CertificateAuthorityOptions {
  readonly caSecret: CaSecret
  readonly servingCertificates: ServingCertificates
  readonly caBundles: CaBundles
  /** Called after a change of the trust bundle, which workloads mount too. */
  readonly onBundle: () => void
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'certificateExpiry'>
}

/** Certificates are checked this often at least: an expired one makes every admission fail. */
const longestPause = HOUR

/** Keeps the CA of the trust domain, the two serving certificates and the caBundles of the webhook configurations. */
export class CertificateAuthorityReconciler implements Reconciler {
  readonly #options: CertificateAuthorityOptions

  constructor(options: CertificateAuthorityOptions) {
    this.#options = options
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caSecret, servingCertificates, caBundles, clock, logger, metrics } = this.#options
    const { set, lookAgainAt, changed } = await caSecret.reconcile(signal)
    const ca = signingCa(set)
    const bundle = caSecret.bundle()
    if (ca === undefined || bundle === undefined) return { requeueAfterMs: SECOND }
    if (changed) {
      logger.info('trust bundle changed', { cas: set.slots.map(({ keyID, state }) => ({ keyID, state })) })
      this.#options.onBundle()
    }
    const times = [lookAgainAt ?? Number.POSITIVE_INFINITY, clock.now() + longestPause]
    for (const server of servers) {
      const served = await servingCertificates.reconcile(server, ca, bundle, signal)
      metrics.certificateExpiry.set({ certificate: server.serviceName }, served.notAfter / SECOND)
      if (served.renewed) logger.info('serving certificate issued', { secret: server.secretName })
      times.push(served.lookAgainAt)
    }
    const { written, waitMs } = await caBundles.reconcile(bundle, signal)
    if (written > 0) logger.info('caBundle written', { configurations: written })
    if (waitMs !== undefined) {
      logger.warn('another client keeps removing the caBundle of the webhook configurations', { waitMs })
      times.push(clock.now() + waitMs)
    }
    return { requeueAfterMs: Math.max(Math.min(...times) - clock.now(), 0) }
  }
}
