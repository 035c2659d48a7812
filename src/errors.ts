/**
 * The base of every error that says a peer or the cluster is at fault. `code` is stable and may be matched on;
 * `message` is for people. Programmer errors are plain `TypeError`s instead.
 */
export class SignetError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The text of anything thrown, for messages and logs. Never includes a stack or a cause. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
