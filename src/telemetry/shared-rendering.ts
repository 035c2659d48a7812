/**
 * One rendering at a time, used by all who ask while it is made and for `holdMs` after: scrapes by several servers, or
 * by anybody who reaches the port, then cost no more than one a second. A rendering that fails is not kept.
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
