import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { SpecSettings } from '../api/v1alpha1/validate.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { SECOND } from '../time/duration.ts'
import type { IssuerScope } from '../identity/issuer.ts'
import type { Logger } from '../logger.ts'
import { answerText, refuse } from '../server/respond.ts'
import { type AdmissionRequest, AdmissionReviewError, parseAdmissionReview } from './admission-review.ts'
import { injectPod } from './inject-pod.ts'
import { BodyAdmission, type BodyLimits, type BodyRefusal } from './body-admission.ts'
import { applyPatch } from './patch.ts'
import { admissionResponse, type AdmissionVerdict } from './response.ts'
import { excludedNamespaces, reasonToSkip } from './should-inject.ts'
import { targetOf } from './request-target.ts'
import { validateServiceIdentity } from './validate.ts'

/** The outcome of a request, as counted by the metric. */
type Decision = 'injected' | 'unchanged' | 'skipped' | 'allowed' | 'denied' | 'invalid' | 'failed' | BodyRefusal

export interface Decided {
  readonly path: '/mutate-pods' | '/validate'
  readonly decision: Decision
  /** From the end of the request headers to the response, in seconds. */
  readonly seconds: number
}

export interface WebhookHandlerOptions extends SpecSettings {
  /** The issuer of the cluster. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  /** The operator's namespace, whose pods are never injected. */
  readonly namespace: string
  readonly onDecision?: (decided: Decided) => void
  readonly logger: Logger
  readonly clock?: Clock
  readonly limits?: Partial<BodyLimits>
}

const mebibyte = 1024 * 1024
/** The API server accepts objects of up to 3 MiB; a review contains up to two objects and their options. */
const defaultLimits: BodyLimits = { requests: 128, bodyBytes: 8 * mebibyte, allBytes: 64 * mebibyte }

const longestLogged = 1024

interface Answer {
  readonly decision: Decision
  readonly verdict: AdmissionVerdict
}

interface Endpoint {
  readonly path: Decided['path']
  readonly judge: (request: AdmissionRequest) => Answer
}

/** Creates the handler of the API server's admission requests. It keeps no state between requests and sends none. */
export function createWebhookHandler(
  options: WebhookHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { namespace, onDecision, logger, clock = systemClock } = options
  const bodies = new BodyAdmission({ ...defaultLimits, ...options.limits }, clock)
  const excluded = excludedNamespaces(namespace)
  const endpoints = new Map<string, Endpoint>([
    ['/mutate-pods', { path: '/mutate-pods', judge: (request) => judgePod(request, excluded, options) }],
    ['/validate', { path: '/validate', judge: (request) => judgeResource(request, options) }],
  ])

  return (request, response) => {
    const { pathname, budget } = targetOf(request.url ?? '')
    const endpoint = endpoints.get(pathname)
    if (endpoint === undefined) {
      refuse(request, response, 404, 'not found')
      return
    }
    const problem = problemOf(request)
    if (problem !== undefined) {
      refuse(request, response, problem.status, problem.text, problem.headers)
      return
    }
    const started = clock.monotonic()
    const deadline = started + budget
    const decided = (decision: Decision): void => {
      onDecision?.({ path: endpoint.path, decision, seconds: (clock.monotonic() - started) / SECOND })
    }
    bodies.take(
      request,
      response,
      deadline,
      (body) => decided(answer(response, endpoint, body, () => clock.monotonic() < deadline, logger)),
      decided,
    )
  }
}

/**
 * Decides and responds. An internal failure gives a 5xx, to which the API server applies the failure policy; a patch is
 * complete or absent.
 */
function answer(
  response: ServerResponse,
  { path, judge }: Endpoint,
  body: Buffer,
  inTime: () => boolean,
  logger: Logger,
): Decision {
  try {
    const request = parseAdmissionReview(body)
    const { decision, verdict } = judge(request)
    const text = admissionResponse(request.uid, verdict)
    if (!inTime()) {
      logger.warn('admission review took too long', { path, uid: cut(request.uid) })
      answerText(response, 500, 'the admission review was not decided in time')
      return 'late'
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(text)
    if (!verdict.allowed)
      logger.info('admission denied', { path, namespace: cut(request.namespace), message: cut(verdict.message) })
    return decision
  } catch (error) {
    if (error instanceof AdmissionReviewError) {
      answerText(response, 400, error.message)
      return 'invalid'
    }
    logger.error('admission review failed', { path, error })
    answerText(response, 500, 'Signet cannot decide on this object; see the logs of signet-webhook')
    return 'failed'
  }
}

/** Truncates a text that the requester may have chosen to 1024 characters, for the log. */
function cut(text: string): string {
  return text.length > longestLogged ? `${text.slice(0, longestLogged - 1)}…` : text
}

function judgePod(
  request: AdmissionRequest,
  excluded: ReadonlySet<string>,
  { issuer, issuerScope }: WebhookHandlerOptions,
): Answer {
  if (reasonToSkip(request, excluded) !== undefined) return { decision: 'skipped', verdict: { allowed: true } }
  const result = injectPod(request.object, { issuer, issuerScope, namespace: request.namespace })
  if ('denied' in result) return { decision: 'denied', verdict: { allowed: false, message: result.denied } }
  const { patch, warnings } = result
  // A patch that does not apply throws, and the response is a 500. The pod may be modified: it was parsed for this call.
  applyPatch(request.object, patch)
  return { decision: patch.length === 0 ? 'unchanged' : 'injected', verdict: { allowed: true, patch, warnings } }
}

function judgeResource(request: AdmissionRequest, settings: SpecSettings): Answer {
  const verdict = validateServiceIdentity(request, settings)
  return { decision: verdict.allowed ? 'allowed' : 'denied', verdict }
}

interface Problem {
  readonly status: number
  readonly text: string
  readonly headers?: OutgoingHttpHeaders
}

/** Why the body is not read. */
function problemOf({ method, headers }: IncomingMessage): Problem | undefined {
  if (method !== 'POST') return { status: 405, text: 'use POST', headers: { allow: 'POST' } }
  const type = headers['content-type'] ?? ''
  if (type !== 'application/json' && !/^application\/json[ \t]*(;|$)/i.test(type)) {
    return { status: 415, text: 'use content type application/json' }
  }
  if (headers['content-encoding'] !== undefined) {
    return { status: 415, text: 'send the body without content encoding' }
  }
  return undefined
}
