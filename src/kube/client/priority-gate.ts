import { group } from '../../api/v1alpha1/group-version.ts'
import type { Subject } from './call.ts'
import { reasonOf } from '../../time/deadline.ts'

/** Classes of calls, the most important first. */
const callClasses = ['keys', 'status', 'event'] as const
export type CallClass = (typeof callClasses)[number]

/** Every eighth slot goes to the least important waiting class, to prevent starvation. */
const lateShare = 8

interface Waiter {
  readonly callClass: CallClass
  readonly pass: () => void
}

/**
 * Limits concurrent calls to the API server. Calls for keys and tokens go before statuses, and statuses before Events:
 * under a slow API server, only what people read is delayed.
 */
export class PriorityGate {
  readonly #limit: number
  readonly #waiting: Readonly<Record<CallClass, Set<Waiter>>> = {
    keys: new Set(),
    status: new Set(),
    event: new Set(),
  }
  #inFlight = 0
  #passed = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get waiting(): number {
    return callClasses.reduce((sum, callClass) => sum + this.#waiting[callClass].size, 0)
  }

  /**
   * Waits for a slot. Resolves with a function that frees the slot, to be called once. Rejects with the signal's reason
   * if the signal is aborted first.
   */
  enter(callClass: CallClass, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(reasonOf(signal))
    if (this.#inFlight < this.#limit) return Promise.resolve(this.#admit())
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting[callClass].delete(waiter)
        reject(reasonOf(signal))
      }
      const waiter: Waiter = {
        callClass,
        pass: () => {
          signal.removeEventListener('abort', onAbort)
          resolve(this.#admit())
        },
      }
      this.#waiting[callClass].add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #admit(): () => void {
    this.#inFlight++
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#inFlight--
      this.#next()
    }
  }

  #next(): void {
    const waiting = callClasses.filter((callClass) => this.#waiting[callClass].size > 0)
    const chosen = this.#passed % lateShare === lateShare - 1 ? waiting.at(-1) : waiting[0]
    if (chosen === undefined) return
    for (const waiter of this.#waiting[chosen]) {
      this.#passed++
      this.#waiting[chosen].delete(waiter)
      waiter.pass()
      return
    }
  }
}

/** Writes of Signet's own resources are statuses. Reads serve every class and count as the most important. */
export function callClassOf({ verb, resource }: Pick<Subject, 'verb' | 'resource'>): CallClass {
  if (resource.plural === 'events') return 'event'
  return resource.group === group && verb !== 'get' && verb !== 'list' ? 'status' : 'keys'
}
