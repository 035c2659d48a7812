import type { IncomingMessage } from 'node:http'

/** Takes what `collectBody` reads. One of `end`, `tooLarge` and `aborted` is called, once, unless `cancel` was. */
interface BodySink {
  /** Called with the length of each part as it arrives, before it is kept. */
  part?(length: number): void
  end(body: Buffer): void
  /** More than the limit has been announced or has arrived; what arrived is already let go of. */
  tooLarge(): void
  /** The peer went away. */
  aborted(): void
}

/**
 * Reads a body of at most `limit` bytes, counted while it arrives, so that one without a length is bounded too. Returns
 * a function that stops reading and lets go of what was read.
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
    // Small bodies come in one part: nothing to copy.
    const body = parts === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(parts, length)
    // The listeners go with the request, which has nothing more to say: taking them off would cost more than the rest.
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

/** What the header says, in bytes; 0 where it says nothing. The HTTP parser has refused anything but digits. */
function announcedLength({ headers }: IncomingMessage): number {
  const length = headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** Whether a body follows the headers (RFC 9112 §6.3). */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
