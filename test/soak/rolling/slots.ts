/** Who has which slot: who stays keeps it, who comes takes a free one, of whom is not wanted any more it is free. */
export function assign(slots: readonly (number | undefined)[], wanted: readonly number[]): (number | undefined)[] {
  const next = slots.map((port) => (port !== undefined && wanted.includes(port) ? port : undefined))
  for (const port of wanted) {
    if (next.includes(port)) continue
    const free = next.indexOf(undefined)
    if (free < 0) throw new Error(`${wanted.length} replicas are more than ${slots.length}`)
    next[free] = port
  }
  return next
}
