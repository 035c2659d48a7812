import { KubeError } from '../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { Resource } from '../../src/kube/client/resource.ts'

/** What may happen to one call of a run, before or after the API server has carried it out. */
export const faults = [
  'refused with 409',
  'refused with 503',
  'lost its answer',
  'killed before',
  'killed after',
  'paused before',
  'paused after',
] as const

export interface Fault {
  /** Which call of the run, from 0. */
  readonly call: number
  readonly how: (typeof faults)[number]
}

/** The process has ended at this call. */
export class Killed extends Error {}

/** A client of one process whose calls meet the fault that is planned for them. */
export class FaultyClient {
  readonly client: KubeClient
  #fault: Fault | undefined
  #calls = 0
  #dead = false
  #pause: PromiseWithResolvers<undefined> | undefined
  #paused = Promise.withResolvers<undefined>()

  constructor(client: KubeClient) {
    this.client = {
      ...client,
      get: (resource, ref) => this.#call('get', resource, () => client.get(resource, ref)),
      create: (resource, object) => this.#call('create', resource, () => client.create(resource, object)),
      replace: (resource, object, options) =>
        this.#call('replace', resource, () => client.replace(resource, object, options)),
      apply: (resource, object, options) =>
        this.#call('apply', resource, () => client.apply(resource, object, options)),
      delete: (resource, ref, options) => this.#call('delete', resource, () => client.delete(resource, ref, options)),
    }
  }

  plan(fault: Fault | undefined): void {
    this.#fault = fault
    this.#calls = 0
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Resolves when a call is paused. */
  get paused(): Promise<undefined> {
    return this.#paused.promise
  }

  resume(): void {
    this.#paused = Promise.withResolvers()
    this.#pause?.resolve(undefined)
  }

  kill(): void {
    this.#dead = true
    this.resume()
  }

  async #call<Answer>(verb: string, resource: Resource, carryOut: () => Promise<Answer>): Promise<Answer> {
    this.#check()
    const how = this.#fault?.call === this.#calls ? this.#fault.how : undefined
    this.#calls += 1
    const failed = (status: number, reason: string) => new KubeError({ verb, resource, status, reason })
    if (how === 'killed before') this.#dead = true
    if (how === 'paused before') await this.#hold()
    this.#check()
    if (how === 'refused with 409') throw failed(409, 'Conflict')
    if (how === 'refused with 503') throw failed(503, 'ServiceUnavailable')
    const answer = await carryOut()
    if (how === 'killed after') this.#dead = true
    if (how === 'paused after') await this.#hold()
    this.#check()
    if (how === 'lost its answer') throw failed(0, 'Timeout')
    return answer
  }

  async #hold(): Promise<void> {
    this.#pause = Promise.withResolvers()
    this.#paused.resolve(undefined)
    await this.#pause.promise
  }

  #check(): void {
    if (this.#dead) throw new Killed('killed')
  }
}
