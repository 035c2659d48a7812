/** https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model */
const slots = 16_384

/**
 * Checks the reply to CLUSTER SLOTS: ranges, each with its first and last slot and its servers as host and port. Throws
 * for any other list, because ioredis uses the reply unchecked. Other CLUSTER commands reply with text.
 */
export function clusterSlots(reply: unknown): unknown {
  if (typeof reply === 'string') return reply
  if (!Array.isArray(reply) || !reply.every(isRange)) throw new Error('invalid reply to CLUSTER SLOTS')
  return reply
}

function isRange(range: unknown): boolean {
  if (!Array.isArray(range)) return false
  const [first, last, ...servers] = range as unknown[]
  return isSlot(first) && isSlot(last) && servers.every(isServer)
}

function isSlot(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < slots
}

/** The host is empty or null for a server that does not know its own name. */
function isServer(server: unknown): boolean {
  if (!Array.isArray(server)) return false
  const [host, port] = server as unknown[]
  return (host === null || typeof host === 'string') && typeof port === 'number'
}
