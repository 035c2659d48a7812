import type { Revocation } from '../../tokens/revocation.ts'
import type { Revocations } from '../../tokens/revocations.ts'

/** What any of them says is revoked. */
export function allRevocations(...sources: readonly Revocations[]): Revocations {
  let list: readonly Revocation[] = []
  let listed = Number.NEGATIVE_INFINITY
  // Each grows, so their sum is another after each change.
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
