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
  /** Unique to this process; a restarted process needs another identity. */
  readonly identity: string
  /** How long other candidates wait after the last observed renewal, in milliseconds; default 15,000. */
  readonly leaseDuration?: number | undefined
  /** How long a leader continues without a successful renewal, in milliseconds; default 10,000. */
  readonly renewDeadline?: number | undefined
  /** Time between two attempts, in milliseconds; default 2,000. */
  readonly retryPeriod?: number | undefined
  /** Runs while this process leads. The signal is aborted when the work must stop. */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void> | void
  readonly clock?: Clock | undefined
  readonly logger?: Logger | undefined
  readonly random?: (() => number) | undefined
}

/** This process is no longer the leader: `ERR_LEADERSHIP_LOST`. */
class LeadershipLostError extends SignetError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_LEADERSHIP_LOST', message, options)
  }
}

/** By which factor a retry period may be late; client-go's value. */
const jitterFactor = 1.2

/** Interval over which candidates spread their attempts once a lease has expired, in milliseconds. */
const spreadAtExpiry = 200

/**
 * Leader election on a Lease, by client-go's algorithm. At most one process leads as long as all clocks run at the same
 * rate: a leader stops `renewDeadline` after it *sent* its last successful renewal; others wait `leaseDuration` after
 * they observed it. The lease does not fence writes, so every write must be a compare-and-swap.
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
  /** When the last successful renewal was sent, in milliseconds of the monotonic clock. */
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
      throw new TypeError('leader election needs leaseDuration > renewDeadline > retryPeriod × 1.2')
    }
  }

  /** True only while no other process can lead, even if this process was suspended and has not noticed. */
  get isLeader(): boolean {
    return this.#leading && this.#remaining() > 0
  }

  /**
   * Acquires the lease and leads. Resolves after an abort, once the lease is released. Rejects with
   * LeadershipLostError, or with the error of `onStartedLeading`.
   */
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
   * Candidates read the lease twice as often as a leader renews, with jitter: observing a renewal late prolongs the
   * wait for the lease, a time without a leader. The wait is shorter if the lease expires before.
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
    // Another process may lead only once the work has stopped. If it does not stop in time, the lease must expire.
    const settled = await settles(working, this.#remaining())
    // Before the release: its response may come long after another process has acquired the lease.
    this.#leading = false
    if (settled) await this.#release()
    if (ended.signal.aborted && !signal.aborted) throw ended.signal.reason
  }

  /** Rejects when leadership is lost, or with the signal's reason. */
  async #renew(signal: AbortSignal): Promise<never> {
    for (;;) {
      await pause(Math.min(this.#retryPeriod, this.#remaining()), signal)
      // After the process was suspended another may lead, and a late renewal would hide that.
      const remaining = this.#remaining()
      if (remaining <= 0) throw new LeadershipLostError(`lease not renewed within ${this.#renewDeadline} ms`)
      const renewed = await this.#try(Math.min(this.#renewDeadline / 2, remaining), signal)
      const { identity, name } = this.#options
      if (!renewed && this.#observed.isHeldByOther(identity, this.#leaseDuration, this.#clock.monotonic())) {
        throw new LeadershipLostError(`another process acquired lease ${name}`)
      }
    }
  }

  /** Milliseconds until this leader must stop. */
  #remaining(): number {
    return this.#renewedAt + this.#renewDeadline - this.#clock.monotonic()
  }

  /**
   * Tries once to acquire or renew. False if another process holds the lease or the call fails. Rejects only on abort.
   */
  async #try(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      // Raced with the deadline, so that a call that never settles cannot prolong the leadership.
      return await withDeadline(timeoutMs, signal, (limited) => orAborted(this.#acquireOrRenew(limited), limited))
    } catch (error) {
      if (signal.aborted) throw error
      // The write may have been stored: read the lease before the next attempt.
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
    // A leader that knows the latest version writes at once. Any other process reads first.
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
    // A response after the deadline does not count: the work may have been stopped.
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

  /** Releases the lease. A renewal abandoned by the abort may have been stored; then the lease is read once more. */
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

/** Settles as the work does, or rejects with the signal's reason on abort, because the work may never settle. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    work.then(resolve, reject)
  })
}
