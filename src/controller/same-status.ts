/** Whether a status says already what it shall say, in whatever order its members are: then nothing is written. */
export function sameStatus(current: object | undefined, wanted: object): boolean {
  return current !== undefined && canonical(current) === canonical(wanted)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([x], [y]) => (x < y ? -1 : 1)))
      : inner,
  )
}
