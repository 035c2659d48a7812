import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { authorizationOf } from './authorization-header.ts'
import type { FormRequest } from './form-endpoint.ts'

/** A form received over HTTP. The signal is created on first use: most endpoints answer without waiting. */
export class HttpFormRequest implements FormRequest {
  readonly form: ReadonlyMap<string, string>
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #aborting: { readonly controller: AbortController; readonly abort: () => void } | undefined
  #timedOut = false

  constructor(form: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse) {
    this.form = form
    this.#request = request
    this.#response = response
  }

  get authorization(): string | undefined {
    return authorizationOf(this.#request)
  }

  get connection(): Socket {
    return this.#request.socket
  }

  get signal(): AbortSignal {
    if (this.#aborting === undefined) {
      const controller = new AbortController()
      this.#aborting = { controller, abort: () => controller.abort() }
      if (this.#timedOut || this.#response.destroyed) controller.abort()
      else this.#response.once('close', this.#aborting.abort)
    }
    return this.#aborting.controller.signal
  }

  /** Aborts the signal because the time limit was reached. */
  timeOut(): void {
    this.#timedOut = true
    this.#aborting?.abort()
  }

  /** Releases the listener on the response, once the request has been answered. */
  close(): void {
    if (this.#aborting !== undefined) this.#response.off('close', this.#aborting.abort)
  }
}
