/** The maximum number of names in a message without a close match. */
const shown = 5

/** A hint for an unknown name: the closest existing name, or else up to five existing names. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const close = names
    .map((name) => ({ name, distance: distanceOf(wanted, name) }))
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 4))
    .sort((a, b) => a.distance - b.distance)
  if (close[0] !== undefined) return `did you mean ${close[0].name}?`
  if (names.length === 0) return 'none exists'
  const more = names.length > shown ? `, and ${names.length - shown} more` : ''
  return `existing names: ${names.slice(0, shown).join(', ')}${more}`
}

/** The Levenshtein distance. */
function distanceOf(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, letter] of Array.from(a).entries()) {
    const next = [row + 1]
    for (const [column, other] of Array.from(b).entries()) {
      const changed = (previous[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (previous[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    previous = next
  }
  return previous.at(-1) ?? 0
}
