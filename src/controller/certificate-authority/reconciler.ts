import { signingCa } from '../../certificates/ca-set.ts'
import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import type { Logger } from '../../logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { ReconcileResult } from '../runtime/reconcile.ts'
import type { CaSecret } from './ca-secret.ts'
import type { CaBundles } from './ca-bundle.ts'
import { type ServingCertificates, servers } from './serving-certificates.ts'

/** The one key of this controller's queue: authorities, serving certificates and bundles hang together. */
export const caSetKey = 'certificate-authority'

interface CertificateAuthorityOptions {
  readonly authorities: CaSecret
  readonly servingCertificates: ServingCertificates
  readonly caBundles: CaBundles
  /** Called when the trust bundle has changed: workloads mount it too. */
  readonly onBundle: () => void
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'certificateExpiry'>
}

/** Looked at again at least this often: a certificate that ends unnoticed stops every admission. */
const longestPause = 3600 * SECOND

/** Keeps the trust domain's certificate authority, the two serving certificates and the webhooks' trust in them. */
export class CertificateAuthorityReconciler {
  private readonly options: CertificateAuthorityOptions

  constructor(options: CertificateAuthorityOptions) {
    this.options = options
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { authorities, servingCertificates, caBundles, clock, logger, metrics } = this.options
    const { set, lookAgainAt, changed } = await authorities.reconcile(signal)
    const authority = signingCa(set)
    const bundle = authorities.bundle()
    if (authority === undefined || bundle === undefined) return { requeueAfterMs: SECOND }
    if (changed) {
      logger.info('trust bundle changed', { authorities: set.slots.map(({ keyID, state }) => ({ keyID, state })) })
      this.options.onBundle()
    }
    const times = [lookAgainAt ?? Number.POSITIVE_INFINITY, clock.now() + longestPause]
    for (const server of servers) {
      const served = await servingCertificates.reconcile(server, authority, bundle, signal)
      metrics.certificateExpiry.set({ certificate: server.serviceName }, served.notAfter / SECOND)
      if (served.renewed) logger.info('serving certificate issued', { secret: server.secretName })
      times.push(served.lookAgainAt)
    }
    const { written, waitMs } = await caBundles.reconcile(bundle, signal)
    if (written > 0) logger.info('caBundle written', { configurations: written })
    if (waitMs !== undefined) {
      logger.warn('caBundle is wiped again and again: something else manages the webhook configurations', { waitMs })
      times.push(clock.now() + waitMs)
    }
    return { requeueAfterMs: Math.max(Math.min(...times) - clock.now(), 0) }
  }
}
