import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf, SignetError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { KubeError } from '../client/api-errors.ts'
import type { KubeClient } from '../client/client.ts'
import { pause, settles, withDeadline } from '../../time/deadline.ts'
import { claimed, type Lease, ObservedLease, released } from './lease-record.ts'
import { resources } from '../client/resource.ts'

export interface LeaderElectorOptions {
  readonly client: KubeClient
  readonly namespace: string
  readonly name: string
  /** Different for every process that ever stands, restarts included. */
  readonly identity: string
  /** How long others wait after the last sign of life, in milliseconds; default 15 s. */
  readonly leaseDuration?: number | undefined
  /** How long a leader goes on without having renewed, in milliseconds; default 10 s. */
  readonly renewDeadline?: number | undefined
  /** Milliseconds between two tries; default 2 s. */
  readonly retryPeriod?: number | undefined
  /** Runs while this process leads; its signal is aborted when it must stop. */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void> | void
  readonly clock?: Clock | undefined
  readonly logger?: Logger | undefined
  readonly random?: (() => number) | undefined
}

/** This process no longer leads and must not go on as if it did. */
class LeadershipLostError extends SignetError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_LEADERSHIP_LOST', message, options)
  }
}

/** How much later than a retry period a renewal may come and still be in time; client-go's value. */
const jitterFactor = 1.2

/** Milliseconds over which candidates come once a lease has ended. */
const spreadAtExpiry = 200

/**
 * Leader election on a Lease, as client-go does it. At most one process leads as long as clocks run at the same speed:
 * a leader stops `renewDeadline` after it *sent* its last successful renewal, others wait `leaseDuration` after they
 * saw it. Still no fence: writes must be compare-and-swap.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions
  readonly #leaseDuration: number
  readonly #renewDeadline: number
  readonly #retryPeriod: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #observed = new ObservedLease()
  /** Monotonic; when the last successful renewal was sent. */
  #renewedAt = Number.NEGATIVE_INFINITY
  #leading = false
  #observedIsStale = true

  constructor(options: LeaderElectorOptions) {
    this.#options = options
    this.#leaseDuration = options.leaseDuration ?? 15_000
    this.#renewDeadline = options.renewDeadline ?? 10_000
    this.#retryPeriod = options.retryPeriod ?? 2_000
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#random = options.random ?? Math.random
    if (this.#renewDeadline >= this.#leaseDuration || this.#retryPeriod * jitterFactor >= this.#renewDeadline) {
      throw new TypeError('a lease needs leaseDuration > renewDeadline > retryPeriod × 1.2')
    }
  }

  /** True only as long as no other process can lead, even if this one was blocked and has not noticed yet. */
  get isLeader(): boolean {
    return this.#leading && this.#remaining() > 0
  }

  /** Resolves after an abort, the lease released; rejects with LeadershipLostError, or with what the work threw. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#acquire(signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    this.#logger.info('became leader', { lease: this.#options.name })
    await this.#lead(signal)
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    while (!(await this.#try(this.#renewDeadline / 2, signal))) {
      await pause(this.#untilNextTry(), signal)
    }
    signal.throwIfAborted()
    this.#leading = true
  }

  /**
   * Candidates look twice as often as a leader renews, spread: a renewal seen late is a lease waited for longer, and
   * every second of that has no leader. Cut short where the lease would end before the next look.
   */
  #untilNextTry(): number {
    const usual = (this.#retryPeriod / 2) * (1 + this.#random())
    const held = this.#observed.heldByOtherFor(this.#options.identity, this.#leaseDuration, this.#clock.monotonic())
    return held === 0 ? usual : Math.min(usual, held + this.#random() * spreadAtExpiry)
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const work = new AbortController()
    const ended = new AbortController()
    const onAbort = () => work.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const working = Promise.resolve()
      .then(() => this.#options.onStartedLeading(work.signal))
      .catch((error: unknown) => {
        if (!work.signal.aborted) ended.abort(error)
      })
    try {
      await this.#renew(AbortSignal.any([signal, ended.signal]))
    } catch (error) {
      work.abort(error)
      if (error instanceof LeadershipLostError) {
        this.#leading = false
        throw error
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    // Others may follow only once the work has stopped; if it does not in time, the lease must expire by itself.
    const settled = await settles(working, this.#remaining())
    // Before the release, whose answer may come long after another process has seen it.
    this.#leading = false
    if (settled) await this.#release()
    if (ended.signal.aborted && !signal.aborted) throw ended.signal.reason
  }

  /** Rejects when leadership is lost, or with the signal's reason. */
  async #renew(signal: AbortSignal): Promise<never> {
    for (;;) {
      await pause(Math.min(this.#retryPeriod, this.#remaining()), signal)
      // Also after the process was blocked: by now somebody else may lead, and a late renewal would hide it.
      const remaining = this.#remaining()
      if (remaining <= 0) throw new LeadershipLostError(`could not renew the lease within ${this.#renewDeadline} ms`)
      const renewed = await this.#try(Math.min(this.#renewDeadline / 2, remaining), signal)
      const { identity, name } = this.#options
      if (!renewed && this.#observed.isHeldByOther(identity, this.#leaseDuration, this.#clock.monotonic())) {
        throw new LeadershipLostError(`lease ${name} was taken by another process`)
      }
    }
  }

  /** Milliseconds until this leader must stop. */
  #remaining(): number {
    return this.#renewedAt + this.#renewDeadline - this.#clock.monotonic()
  }

  /** One try to get or keep the lease; false where it is another's or the API server fails. Rejects only on abort. */
  async #try(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      // Raced, so that a client that never answers cannot keep us believing.
      return await withDeadline(timeoutMs, signal, (limited) => orAborted(this.#acquireOrRenew(limited), limited))
    } catch (error) {
      if (signal.aborted) throw error
      // Whatever we knew may be old: look again before the next try.
      this.#observedIsStale = true
      const level = error instanceof KubeError && (error.isConflict || error.isAlreadyExists) ? 'debug' : 'warn'
      this.#logger[level]('cannot renew or acquire the lease', { lease: this.#options.name, reason: messageOf(error) })
      return false
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options
    const call = { signal, pool: 'lease' } as const
    const claim = () => ({ identity, leaseDuration: this.#leaseDuration, now: this.#clock.now() })
    // A leader that knows the latest version writes at once; everybody else looks first.
    if (!this.#leading || this.#observedIsStale) {
      const lease = await client.get<Lease>(resources.leases, { namespace, name }, call)
      signal.throwIfAborted()
      if (lease === undefined) this.#observed.forget()
      else this.#observed.see(lease, this.#clock.monotonic())
      this.#observedIsStale = false
    }
    const { lease } = this.#observed
    if (this.#observed.isHeldByOther(identity, this.#leaseDuration, this.#clock.monotonic())) return false
    const sentAt = this.#clock.monotonic()
    const written =
      lease === undefined
        ? await client.create<Lease>(resources.leases, claimed({ metadata: { namespace, name } }, claim()), call)
        : await client.replace<Lease>(resources.leases, claimed(lease, claim()), call)
    // An answer that comes after its deadline is not counted: we may have stopped by then.
    if (signal.aborted) return false
    this.#observed.see(written, this.#clock.monotonic())
    this.#renewedAt = sentAt
    return true
  }

  async #release(): Promise<void> {
    const { name } = this.#options
    if (this.#observed.lease === undefined || this.#remaining() <= 0) return
    try {
      await withDeadline(this.#renewDeadline / 2, undefined, (signal) => orAborted(this.#giveBack(signal), signal))
      this.#logger.info('released the lease', { lease: name })
    } catch (error) {
      this.#logger.warn('cannot release the lease', { lease: name, reason: messageOf(error) })
    }
  }

  /** A renewal that was abandoned when we were told to stop may still have been stored: then we look once more. */
  async #giveBack(signal: AbortSignal): Promise<void> {
    const { client, namespace, name, identity } = this.#options
    const call = { signal, pool: 'lease' } as const
    const replace = (lease: Lease) => client.replace(resources.leases, released(lease, this.#clock.now()), call)
    try {
      if (this.#observed.lease !== undefined) await replace(this.#observed.lease)
    } catch (error) {
      if (!(error instanceof KubeError && error.isConflict)) throw error
      const lease = await client.get<Lease>(resources.leases, { namespace, name }, call)
      if (lease?.spec?.holderIdentity === identity) await replace(lease)
    }
  }
}

/** The work's outcome, or the signal's reason as soon as it is aborted: the work may never end. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    work.then(resolve, reject)
  })
}
