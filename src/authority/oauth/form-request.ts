import type { IncomingMessage, ServerResponse } from 'node:http'
import { authorizationOf } from './authorization-header.ts'
import type { FormRequest } from './form-endpoint.ts'
import { peerCertificateOf } from '../callers/peer-certificate.ts'

/** A form as it came over HTTP. Its signal is made only for those that wait: most are answered in the turn they came in. */
export class ReceivedForm implements FormRequest {
  readonly form: ReadonlyMap<string, string>
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #aborting: { readonly controller: AbortController; readonly abort: () => void } | undefined
  #ended = false

  constructor(form: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse) {
    this.form = form
    this.#request = request
    this.#response = response
  }

  get authorization(): string | undefined {
    return authorizationOf(this.#request)
  }

  get peerCertificate(): Uint8Array | undefined {
    return peerCertificateOf(this.#request.socket)
  }

  get signal(): AbortSignal {
    if (this.#aborting === undefined) {
      const controller = new AbortController()
      this.#aborting = { controller, abort: () => controller.abort() }
      if (this.#ended || this.#response.destroyed) controller.abort()
      else this.#response.once('close', this.#aborting.abort)
    }
    return this.#aborting.controller.signal
  }

  /** Its time is up. */
  end(): void {
    this.#ended = true
    this.#aborting?.abort()
  }

  /** It is answered. */
  close(): void {
    if (this.#aborting !== undefined) this.#response.off('close', this.#aborting.abort)
  }
}
