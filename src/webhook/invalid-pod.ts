import { SignetError } from '../errors.ts'

/**
 * A pod cannot be given its identity as it is: `ERR_INVALID_POD`. The message is shown to whoever made the pod, so it
 * names field and remedy.
 */
export class InvalidPodError extends SignetError {
  constructor(message: string) {
    super('ERR_INVALID_POD', message)
  }
}

/** A list of the pod; empty where it is absent or null, as the API server takes it. Throws InvalidPodError. */
export function listOf(value: unknown, pointer: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new InvalidPodError(`${fieldOf(pointer)} is not a list`)
  return value as readonly unknown[]
}

/** A JSON pointer as people write it: `/spec/containers/0/env` → `spec.containers[0].env`. */
export function fieldOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}

/** A name that the pod brings along, as JSON writes it and cut to 63 characters, for messages. */
export function quoteName(name: string | undefined): string {
  if (name === undefined) return 'without name'
  return JSON.stringify(name.length > 63 ? `${name.slice(0, 62)}…` : name)
}
