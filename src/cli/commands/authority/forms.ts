import { parseIssuer } from '../../../identity/issuer.ts'
import { FormHandler, type FormHandlerOptions } from '../../../authority/oauth/form-handler.ts'
import { RateLimit } from '../../../authority/oauth/rate-limit.ts'
import { systemClock } from '../../../time/clock.ts'
import { CheckedClock } from '../../../time/checked-clock.ts'
import { SECOND } from '../../../time/duration.ts'
import { LoadShedder } from '../../../server/load-shedding.ts'
import type { AuthorityValues } from './settings.ts'
import type { Operations } from '../operations.ts'

/** The maximum number of form requests in flight: more would only wait for each other. */
const underWay = 512
/** The maximum delay of the event loop, in milliseconds, before further requests are refused. */
const delayMs = 200

/** The HTTP side of the form endpoints, with its limits and metrics. */
export function authorityForms(options: {
  readonly values: Pick<AuthorityValues, 'addressRate'>
  readonly issuer: string
  readonly endpoints: FormHandlerOptions['endpoints']
  /** How far the local clock is ahead of the API server's, in milliseconds; undefined if unknown. */
  readonly clockOffset: () => number | undefined
  readonly operations: Pick<Operations, 'logger' | 'metrics' | 'onScrape'>
}): { readonly forms: FormHandler; readonly close: () => void } {
  const { values, issuer, endpoints, clockOffset, operations } = options
  const { logger, metrics } = operations
  const overload = new LoadShedder({ underWay, delayMs })
  const clock = new CheckedClock({ clock: systemClock, offset: clockOffset, logger })
  operations.onScrape(() => {
    metrics.formRequestsInFlight.set(overload.underWay)
    metrics.clockOffset.set(Math.round((clockOffset() ?? 0) / SECOND))
  })
  const forms = new FormHandler({
    issuer: parseIssuer(issuer),
    endpoints,
    overload,
    addresses: new RateLimit({ perSecond: values.addressRate }),
    // With a wrong clock an expired token would count as live, or a live token as not worth revoking.
    unfit: () => clock.problem(),
    logger,
    onAnswer: (endpoint, status, durationMs) => {
      metrics.httpRequests.inc({ endpoint, status: String(status) })
      metrics.formDuration.observe({ endpoint }, durationMs / 1000)
    },
    onRefusal: (endpoint, { error, reason = 'other' }) => metrics.oauthRefusals.inc({ endpoint, error, reason }),
  })
  return { forms, close: () => overload.close() }
}
