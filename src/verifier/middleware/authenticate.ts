import type { IncomingMessage, ServerResponse } from 'node:http'
import { authenticateRequest, type ChallengeOptions, checkRealm, type Refusal } from './authenticate-request.ts'
import type { Caller } from './caller.ts'
import type { Verifier } from '../verification/verifier.ts'

export interface AuthenticateOptions extends ChallengeOptions {
  /** Told why a request was refused, for log and metrics: nobody outside is. */
  readonly onRefused?: (refusal: Refusal, request: IncomingMessage) => void
}

/** A middleware as express 4 and 5, connect and others take it, without a type of theirs. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** What `authenticate` puts into a request. */
export interface Authenticated {
  caller: Caller
}

/**
 * Lets requests through that bring a good token, with `caller` set: 401 where it is not, 503 where that cannot be told,
 * both without a body and without a reason. Throws a TypeError for an unusable realm.
 */
export function authenticate(verifier: Verifier, { realm, onRefused }: AuthenticateOptions = {}): Middleware {
  checkRealm(realm)
  return (request, response, next) => {
    // A caller that came from elsewhere is none.
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
        // A log that fails, which is somebody else's, ends no process.
      }
    }, next)
  }
}

/** Nothing where somebody else has answered meanwhile, as a time limit may. */
function answerEmpty(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  if (!response.headersSent) response.writeHead(status, { 'Content-Length': '0', ...headers }).end()
}

/** The caller that `authenticate` has found; a TypeError where it has not been asked, so that nobody is let in by default. */
export function callerOf(request: object): Caller {
  const { caller } = request as Partial<Authenticated>
  if (caller === undefined) throw new TypeError('request has not been authenticated')
  return caller
}

/** The same for a plain server: `createServer(withCaller(verifier, (request, response, caller) => …))`. */
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
