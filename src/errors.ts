/**
 * The base class of errors caused by a peer or the cluster. `code` is stable, for programs; `message` is for people.
 * Programming errors are `TypeError`s.
 */
export class SignetError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The message of a thrown value, for errors and logs; never a stack or a cause. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
