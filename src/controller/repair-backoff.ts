import { MINUTE, SECOND } from '../time/duration.ts'

interface RestorationLimits {
  /** How long a restoration is remembered, in milliseconds. */
  readonly windowMs: number
  /** More than so many within that time mean that something fights. */
  readonly peaceful: number
  /** The longest pause between two restorations, in milliseconds. */
  readonly longestMs: number
}

/** Something else manages what we manage: five times it is put right at once, then ever more slowly. */
export const defaultLimits: RestorationLimits = { windowMs: 10 * MINUTE, peaceful: 5, longestMs: 30 * SECOND }

/**
 * How long to wait before restoring once more what another hand keeps changing, in milliseconds; 0 where nothing
 * fights. `times` are the restorations so far, oldest first, and `now`, on the same clock.
 */
export function restorationPause(
  times: readonly number[],
  now: number,
  { windowMs, peaceful, longestMs }: RestorationLimits = defaultLimits,
): number {
  const recent = times.filter((time) => now - time < windowMs)
  const last = recent.at(-1)
  if (last === undefined || recent.length <= peaceful) return 0
  const pause = Math.min(SECOND * 2 ** (recent.length - peaceful), longestMs)
  return Math.max(0, last + pause - now)
}

/** Remembers, for each object, what we wrote last and when another hand made us write it again. */
export class Restorations {
  readonly #limits: RestorationLimits
  readonly #known = new Map<string, { version: string; readonly times: number[] }>()

  constructor(limits: RestorationLimits = defaultLimits) {
    this.#limits = limits
  }

  /** A write of ours over `previous` (undefined: nothing there) gave `version`. */
  wrote(key: string, previous: string | undefined, version: string, now: number): void {
    const known = this.#known.get(key)
    const times = (known?.times ?? []).filter((time) => now - time < this.#limits.windowMs)
    if (known !== undefined && known.version !== previous) times.push(now)
    this.#known.set(key, { version, times })
  }

  /** Whether somebody has changed it since our last write. */
  touched(key: string, version: string | undefined): boolean {
    const known = this.#known.get(key)
    return known !== undefined && known.version !== version
  }

  /** Milliseconds to wait before restoring it once more; 0 where nothing fights. */
  pauseMs(key: string, now: number): number {
    return restorationPause(this.#known.get(key)?.times ?? [], now, this.#limits)
  }

  forget(key: string): void {
    this.#known.delete(key)
  }
}
