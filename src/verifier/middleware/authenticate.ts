import type { IncomingMessage, ServerResponse } from 'node:http'
import { authenticateRequest, type ChallengeOptions, checkRealm, type Refusal } from './authenticate-request.ts'
import type { Caller } from './caller.ts'
import type { Verifier } from '../verification/verifier.ts'

/** The options of `authenticate` and `withCaller`. */
export interface AuthenticateOptions extends ChallengeOptions {
  /** Called with each refusal, for logs and metrics. Exceptions are ignored. */
  readonly onRefused?: (refusal: Refusal, request: IncomingMessage) => void
}

/** The middleware signature shared by express 4, express 5 and connect, without depending on their types. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** The property that `authenticate` adds to a request. */
export interface Authenticated {
  caller: Caller
}

/**
 * Creates a middleware that requires a valid token and sets `request.caller`. It answers 401 for a missing or refused
 * token and 503 while keys or revocations are unavailable, both without a body, and passes unexpected errors to `next`.
 * Throws a TypeError for an unusable realm.
 *
 * @example
 * ```ts
 * app.use(authenticate(verifier, { onRefused: ({ code }) => log.info('request refused', { code }) }))
 * app.get('/orders', (request, response) => response.json(ordersOf(callerOf(request).subject)))
 * ```
 */
export function authenticate(verifier: Verifier, { realm, onRefused }: AuthenticateOptions = {}): Middleware {
  checkRealm(realm)
  return (request, response, next) => {
    // Only this middleware may set the caller.
    delete (request as Partial<Authenticated>).caller
    authenticateRequest(verifier, request, { realm }).then((outcome) => {
      if ('caller' in outcome) {
        Object.assign(request, { caller: outcome.caller } satisfies Authenticated)
        next()
        return
      }
      const { status, headers } = outcome.refusal
      answerEmpty(response, status, headers)
      try {
        onRefused?.(outcome.refusal, request)
      } catch {
        // A failing log must not end the process.
      }
    }, next)
  }
}

/** Does nothing if a response was sent meanwhile, by a time limit for example. */
function answerEmpty(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  if (!response.headersSent) response.writeHead(status, { 'Content-Length': '0', ...headers }).end()
}

/**
 * The caller of a request that passed `authenticate`. Throws a TypeError for any other request, so that a missing
 * middleware is noticed.
 */
export function callerOf(request: object): Caller {
  const { caller } = request as Partial<Authenticated>
  if (caller === undefined) throw new TypeError('request has not been authenticated')
  return caller
}

/**
 * `authenticate` for a server without a framework. Answers 500 for unexpected errors.
 *
 * @example
 * ```ts
 * createServer(withCaller(verifier, (request, response, caller) => response.end(caller.subject)))
 * ```
 */
export function withCaller(
  verifier: Verifier,
  handler: (request: IncomingMessage, response: ServerResponse, caller: Caller) => void,
  options: AuthenticateOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const middleware = authenticate(verifier, options)
  return (request, response) =>
    middleware(request, response, (error) => {
      if (error === undefined) handler(request, response, callerOf(request))
      else answerEmpty(response, 500)
    })
}
