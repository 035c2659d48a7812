/**
 * Shares one rendering between all callers, while it is in progress and for `holdMs` milliseconds after. This bounds the
 * cost of scrapes, because any client that reaches the port can send them. A failed rendering is not shared.
 */
export function sharedRendering<T>(
  render: () => Promise<T>,
  { holdMs, now = () => performance.now() }: { holdMs: number; now?: () => number },
): () => Promise<T> {
  let current: { readonly made: Promise<T>; doneAt: number } | undefined
  return () => {
    if (current !== undefined && now() < current.doneAt + holdMs) return current.made
    const made = render()
    const rendering = { made, doneAt: Number.POSITIVE_INFINITY }
    current = rendering
    made.then(
      () => {
        rendering.doneAt = now()
      },
      () => {
        if (current === rendering) current = undefined
      },
    )
    return made
  }
}
