import { KubeError } from './api-errors.ts'
import type { Subject } from './call.ts'
import type { WatchEvent } from './client.ts'

const types = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'])

/** Parses a line of a watch. Throws a KubeError for any other line: the rest of the stream cannot be trusted. */
export function parseWatchEvent(subject: Subject, line: string): WatchEvent {
  const event = parse(line)
  if (isWatchEvent(event)) return event
  throw new KubeError({ ...subject, status: 0, reason: 'BrokenStream', detail: 'a line is not a watch event' })
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isWatchEvent(value: unknown): value is WatchEvent {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('object' in value)) return false
  const { type, object } = value
  if (typeof type !== 'string' || !types.has(type) || typeof object !== 'object' || object === null) return false
  return type === 'ERROR' || ('metadata' in object && typeof object.metadata === 'object' && object.metadata !== null)
}
