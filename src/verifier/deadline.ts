/**
 * Runs `work` with a signal that is aborted together with the caller's, or after `milliseconds`; `late` tells the two
 * apart. Leaves neither timer nor listener behind, which `AbortSignal.any` on a long-lived signal would.
 */
export async function withDeadline<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (limited: AbortSignal, late: () => boolean) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let late = false
  const onAbort = (): void => controller.abort()
  const timer = setTimeout(() => {
    late = true
    controller.abort()
  }, milliseconds)
  if (signal?.aborted === true) controller.abort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await work(controller.signal, () => late)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
