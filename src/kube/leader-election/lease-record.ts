import { formatMicroTime } from '../client/micro-time.ts'
import type { KubeObject } from '../client/object.ts'

/** The fields of a coordination.k8s.io/v1 Lease that leader election uses. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

interface Claim {
  readonly identity: string
  /** In milliseconds. */
  readonly leaseDuration: number
  /** In milliseconds since the epoch. */
  readonly now: number
}

/** The lease as a new or continuing holder writes it. Unknown fields are preserved. */
export function claimed(lease: Lease, { identity, leaseDuration, now }: Claim): Lease {
  const { spec = {} } = lease
  const time = formatMicroTime(now)
  const keeps = spec.holderIdentity === identity
  return {
    ...lease,
    spec: {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseDuration / 1000)),
      acquireTime: keeps && spec.acquireTime !== undefined ? spec.acquireTime : time,
      renewTime: time,
      leaseTransitions: keeps ? (spec.leaseTransitions ?? 0) : (spec.leaseTransitions ?? -1) + 1,
    },
  }
}

/** The lease as its holder releases it, so that the next holder need not wait for its expiry. */
export function released(lease: Lease, now: number): Lease {
  const time = formatMicroTime(now)
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
  }
}

/**
 * The last observed state of a lease. The lease expires once this process has observed no change for its duration, by
 * the local monotonic clock, because the holder's clock may be wrong.
 */
export class ObservedLease {
  #lease: Lease | undefined
  #changedAt = 0

  /** `now` is in milliseconds of the monotonic clock. */
  see(lease: Lease, now: number): void {
    const changed = this.#lease?.metadata.uid !== lease.metadata.uid
    if (changed || this.#lease?.metadata.resourceVersion !== lease.metadata.resourceVersion) this.#changedAt = now
    this.#lease = lease
  }

  get lease(): Lease | undefined {
    return this.#lease
  }

  forget(): void {
    this.#lease = undefined
  }

  /** Whether another process may be leading. */
  isHeldByOther(identity: string, leaseDuration: number, now: number): boolean {
    return this.heldByOtherFor(identity, leaseDuration, now) > 0
  }

  /** For how long another process may lead, in milliseconds; 0 if none may. */
  heldByOtherFor(identity: string, leaseDuration: number, now: number): number {
    const { holderIdentity, leaseDurationSeconds = 0 } = this.#lease?.spec ?? {}
    if (!holderIdentity || holderIdentity === identity) return 0
    const duration = leaseDurationSeconds > 0 ? leaseDurationSeconds * 1000 : leaseDuration
    return Math.max(0, this.#changedAt + duration - now)
  }
}
