import type { IncomingMessage } from 'node:http'

/** Receives the result of `collectBody`: one call of `end`, `tooLarge` or `aborted`, unless reading was cancelled. */
interface BodySink {
  /** Called with the length of each part in bytes, before the part is kept. */
  part?(length: number): void
  end(body: Buffer): void
  /** The announced or received length exceeds the limit. What was received is released. */
  tooLarge(): void
  /** The peer closed the connection. */
  aborted(): void
}

/**
 * Reads a body of at most `limit` bytes. Counts while reading, so that a body without Content-Length is limited too.
 * Returns a function that stops reading and releases what was read.
 */
export function collectBody(request: IncomingMessage, limit: number, sink: BodySink): () => void {
  let first: Buffer | undefined
  let parts: Buffer[] | undefined
  let length = 0
  let isOver = false
  const stop = (): void => {
    isOver = true
    request.off('data', onData)
    request.off('end', onEnd)
    request.off('close', onClose)
    request.off('error', onClose)
    first = undefined
    parts = undefined
  }
  const onData = (part: Buffer): void => {
    length += part.length
    if (length > limit) {
      stop()
      sink.tooLarge()
      return
    }
    if (first === undefined) first = part
    else if (parts === undefined) parts = [first, part]
    else parts.push(part)
    sink.part?.(part.length)
  }
  const onEnd = (): void => {
    // A small body is a single part: nothing to copy.
    const body = parts === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(parts, length)
    // The listeners are collected with the request; removing them would cost more than the rest.
    isOver = true
    first = undefined
    parts = undefined
    sink.end(body)
  }
  const onClose = (): void => {
    if (isOver) return
    stop()
    sink.aborted()
  }
  if (announcedLength(request) > limit) {
    sink.tooLarge()
    return () => undefined
  }
  request.on('data', onData)
  request.on('end', onEnd)
  request.on('close', onClose)
  request.on('error', onClose)
  return stop
}

/** Content-Length in bytes; 0 if absent. The HTTP parser accepts digits only. */
function announcedLength({ headers }: IncomingMessage): number {
  const length = headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** Whether the request has a body (RFC 9112 §6.3). */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
