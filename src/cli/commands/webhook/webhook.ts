import { untilAborted } from '../../../time/deadline.ts'
import { SECOND } from '../../../time/duration.ts'
import { startTlsServer } from '../../../server/tls-server.ts'
import { createWebhookHandler } from '../../../webhook/handler.ts'
import { defaultIssuer } from '../../settings/shared.ts'
import type { WebhookValues } from './settings.ts'
import { drainMs, type Operations, startOperations } from '../operations.ts'

interface Serving {
  readonly values: WebhookValues
  readonly operations: Operations
  readonly signal: AbortSignal
  readonly graceMs: number
}

/** `signet webhook`: serves admission requests until the signal, and for `graceMs` more, so that no request is lost. */
export async function runWebhook(values: WebhookValues, signal: AbortSignal, graceMs = drainMs): Promise<void> {
  const operations = await startOperations('webhook', values)
  try {
    await serve({ values, operations, signal, graceMs })
  } finally {
    operations.stopping()
    await operations.close()
  }
}

async function serve({ values, operations, signal, graceMs }: Serving): Promise<void> {
  const {
    namespace,
    issuer = defaultIssuer(namespace),
    issuerScope,
    nudge,
    allowedClaims,
    port,
    certificateDirectory,
  } = values
  const { logger, metrics } = operations
  let ready = (): string | undefined => 'is starting'
  operations.addCheck('certificate', () => ready())
  const server = await startTlsServer({
    port,
    certificateDirectory,
    handler: createWebhookHandler({
      issuer,
      issuerScope,
      namespace,
      nudge,
      allowedClaims,
      onDecision: ({ path, decision, seconds }) => {
        metrics.webhookDecisions.inc({ path, decision })
        metrics.webhookDuration.observe(seconds)
      },
      logger,
    }),
    logger,
    onCertificate: (notAfter) => metrics.certificateExpiry.set({ certificate: 'signet-webhook' }, notAfter / SECOND),
  })
  ready = () => server.ready()
  logger.info('serving admission', { port: server.port })
  await untilAborted(signal)
  logger.info('stopping')
  operations.stopping()
  await server.drain(graceMs)
}
