export interface Verdict {
  /** Operation, and how often it was answered with which status. */
  readonly table: readonly (readonly [string, string])[]
  readonly failures: readonly string[]
}

/**
 * What a run has shown. Every answer may have been as described and the run worth nothing all the same: where an operation
 * was never asked, or never once answered with success.
 */
export function verdictOf(
  operations: readonly string[],
  counts: Readonly<Record<string, number>>,
  passed: boolean,
): Verdict {
  const failures = passed ? [] : ['schemathesis has found answers that are not as described: see above']
  const table = operations.map((operation): [string, string] => {
    const [method] = operation.split(' ')
    const asked = Object.entries(counts).filter(([key]) => key.startsWith(`${operation} `))
    const succeeded = asked.some(([key]) => key.startsWith(`${operation} ${method ?? ''} `) && / [23]\d\d$/.test(key))
    if (asked.length === 0) failures.push(`${operation} was never asked`)
    else if (!succeeded) failures.push(`${operation} was never answered with success`)
    return [operation, byStatus(asked)]
  })
  return { table, failures }
}

/** `200 ×5, 405 ×1`, whatever the method was. */
function byStatus(asked: readonly (readonly [string, number])[]): string {
  const sums = new Map<string, number>()
  for (const [key, count] of asked) {
    const status = key.slice(key.lastIndexOf(' ') + 1)
    sums.set(status, (sums.get(status) ?? 0) + count)
  }
  return [...sums]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([status, count]) => `${status} ×${count}`)
    .join(', ')
}
