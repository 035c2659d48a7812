import { SignetError } from '../errors.ts'

/**
 * A pod cannot be injected. Code `ERR_INVALID_POD`. The message is shown to the creator of the pod, so it names field
 * and remedy.
 */
export class InvalidPodError extends SignetError {
  constructor(message: string) {
    super('ERR_INVALID_POD', message)
  }
}

/** A list in the pod. Empty if absent or null, as for the API server. Throws an InvalidPodError for any other value. */
export function listOf(value: unknown, pointer: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new InvalidPodError(`${fieldOf(pointer)} is not a list`)
  return value as readonly unknown[]
}

/** Converts a JSON pointer to a field path: `/spec/containers/0/env` → `spec.containers[0].env`. */
export function fieldOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}

/** A name from the pod as a JSON string for messages, truncated to 63 characters. */
export function quoteName(name: string | undefined): string {
  if (name === undefined) return 'without name'
  return JSON.stringify(name.length > 63 ? `${name.slice(0, 62)}…` : name)
}
