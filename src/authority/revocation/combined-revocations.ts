import type { Revocation } from '../../tokens/revocation.ts'
import type { Revocations } from '../../tokens/revocations.ts'

/** The union of several sources of revocations. */
export function combinedRevocations(...sources: readonly Revocations[]): Revocations {
  let list: readonly Revocation[] = []
  let listed = Number.NEGATIVE_INFINITY
  // Versions only grow, so their sum changes with each of them.
  const version = () => sources.reduce((sum, source) => sum + source.version, 0)
  return {
    has: (revocable) => sources.some((source) => source.has(revocable)),
    ready: () => sources.every((source) => source.ready()),
    onChange: (callback) => {
      const stops = sources.map((source) => source.onChange(callback))
      return () => {
        for (const stop of stops) stop()
      }
    },
    list: () => {
      const now = version()
      if (listed !== now) {
        list = sources.flatMap((source) => source.list())
        listed = now
      }
      return list
    },
    get version() {
      return version()
    },
  }
}
