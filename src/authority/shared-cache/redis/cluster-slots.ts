/** https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model */
const slots = 16_384

/**
 * The answer to CLUSTER SLOTS: ranges, each with its first and last slot and its servers, as host and port. Throws where
 * it is none, which the client library would follow without looking. Text is what CLUSTER answers to anything else.
 */
export function clusterSlots(answer: unknown): unknown {
  if (typeof answer === 'string') return answer
  if (!Array.isArray(answer) || !answer.every(isRange)) throw new Error('the slots of the cluster are none')
  return answer
}

function isRange(range: unknown): boolean {
  if (!Array.isArray(range)) return false
  const [first, last, ...servers] = range as unknown[]
  return isSlot(first) && isSlot(last) && servers.every(isServer)
}

function isSlot(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < slots
}

/** Of a server that does not know its own name the host is empty or absent. */
function isServer(server: unknown): boolean {
  if (!Array.isArray(server)) return false
  const [host, port] = server as unknown[]
  return (host === null || typeof host === 'string') && typeof port === 'number'
}
