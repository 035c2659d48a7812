import { type Command, InvalidArgumentError, Option } from 'commander'
import { formatDuration, MINUTE, parseDuration } from '../../../time/duration.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'
import type { Context } from '../session/context.ts'
import { CommandError } from '../terminal/failures.ts'

export interface WaitFlags {
  readonly wait: boolean
  /** Milliseconds. */
  readonly timeout: number
}

export function addWait(command: Command): Command {
  const wait = new Option('--wait <BOOL>', 'wait until the controller has applied the revocation')
    .default(true, 'true')
    .argParser(parseBoolean)
  const timeout = new Option('--timeout <DURATION>', 'maximum time to wait')
    .default(MINUTE, '60s')
    .argParser(parseTimeout)
  return command.addOption(wait).addOption(timeout)
}

/** The result of one check: done, or what is still missing. */
export type Progress<T> = { readonly done: T } | { readonly missing: string }

const everyMs = 200

/**
 * Checks every 200 ms until the operation is done, and returns the elapsed time. Throws CommandError after the timeout, with
 * what was missing last. Retries while the API server is unavailable.
 */
export async function waitUntil<T>(
  { clock, pause }: Pick<Context, 'clock' | 'pause'>,
  options: { readonly timeout: number; readonly check: () => Promise<Progress<T>>; readonly onTimeout: string },
): Promise<{ readonly done: T; readonly tookMs: number }> {
  const start = clock.monotonic()
  for (;;) {
    const found = await options.check().catch(missingOf)
    const tookMs = clock.monotonic() - start
    if ('done' in found) return { done: found.done, tookMs }
    if (tookMs >= options.timeout) {
      throw new CommandError(
        `not done within ${formatDuration(options.timeout)}: ${found.missing}; ${options.onTimeout}`,
      )
    }
    await pause(everyMs)
  }
}

function missingOf(error: unknown): { missing: string } {
  const passing = error instanceof KubeError && (error.isUnreachable || error.isTooManyRequests || error.status >= 500)
  if (!passing) throw error
  return { missing: error.message }
}

/** A duration in seconds: `1.4 s`. */
export function formatElapsed(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Use true or false.')
  return text === 'true'
}

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('A duration looks like 60s, 5m or 1m30s.')
  return milliseconds
}
