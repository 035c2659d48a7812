import { SignetError } from '../errors.ts'

/** The longest delay of a timer, in milliseconds. Node fires a timer with a longer delay at once. */
export const longestTimer = 2 ** 31 - 1

/** The work was not done in time: `ERR_DEADLINE`. */
export class DeadlineError extends SignetError {
  constructor(milliseconds: number) {
    super('ERR_DEADLINE', `not done within ${milliseconds} ms`)
  }
}

/**
 * Runs `work` with a signal that is aborted after `milliseconds` (with a DeadlineError) or by the given signal (with
 * its reason). Removes timer and listener afterwards; `AbortSignal.any` on a long-lived signal would leak them.
 */
export async function withDeadline<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  const timer = setTimeout(
    () => controller.abort(new DeadlineError(milliseconds)),
    Math.min(milliseconds, longestTimer),
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Resolves after `milliseconds`. Rejects with the signal's reason as soon as the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(reasonOf(signal))
      return
    }
    const onAbort = () => {
      clearTimeout(timer)
      reject(reasonOf(signal))
    }
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      },
      Math.min(Math.max(0, milliseconds), longestTimer),
    )
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Whether the work settles within the time. */
export async function settles(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const limit = new AbortController()
  const late = pause(milliseconds, limit.signal).then(
    () => false,
    () => true,
  )
  const done = () => true
  const settled = await Promise.race([work.then(done, done), late])
  limit.abort()
  return settled
}

/** Why a signal was aborted, as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new SignetError('ERR_ABORTED', 'aborted', { cause: reason })
}
