/** The keys of a log line. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Logs a constant message with fields. Neither may contain tokens, private keys or request bodies. `telemetry/log` has
 * the implementation.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** Returns a logger that adds these fields to every line. */
  child(fields: LogFields): Logger
}

/** A logger that discards every line. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}
