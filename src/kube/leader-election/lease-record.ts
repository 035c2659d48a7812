import { formatMicroTime } from '../client/micro-time.ts'
import type { KubeObject } from '../client/object.ts'

/** coordination.k8s.io/v1, the parts that leader election uses. */
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
  /** Milliseconds. */
  readonly leaseDuration: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The lease as its new or continuing holder writes it; fields we do not know stay as they are. */
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

/** The lease as a holder leaves it, so that the next one need not wait for it to expire. */
export function released(lease: Lease, now: number): Lease {
  const time = formatMicroTime(now)
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
  }
}

/**
 * Watches a lease from outside. Whether it has expired is judged by how long *we* have seen no change of it, on our own
 * monotonic clock: the holder's clock may be wrong.
 */
export class ObservedLease {
  #lease: Lease | undefined
  #changedAt = 0

  /** `now` is monotonic. */
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

  /** Whether another process may still be leading. */
  isHeldByOther(identity: string, leaseDuration: number, now: number): boolean {
    return this.heldByOtherFor(identity, leaseDuration, now) > 0
  }

  /** For how long another process may still be leading, in milliseconds; 0 where none may. */
  heldByOtherFor(identity: string, leaseDuration: number, now: number): number {
    const { holderIdentity, leaseDurationSeconds = 0 } = this.#lease?.spec ?? {}
    if (!holderIdentity || holderIdentity === identity) return 0
    const duration = leaseDurationSeconds > 0 ? leaseDurationSeconds * 1000 : leaseDuration
    return Math.max(0, this.#changedAt + duration - now)
  }
}
