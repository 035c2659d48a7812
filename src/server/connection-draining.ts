/** The golden ratio's part after the point: multiples of it, taken modulo 1, are spread evenly however many they are. */
const golden = (Math.sqrt(5) - 1) / 2

/** Shares of the grace between which connections are told to end. */
const first = 0.1
const last = 0.6

/**
 * When the connections of a server that drains are told to end, in milliseconds since the drain began: one after another.
 * All at once they would come back to it, until the endpoints are without it, and would cost the other replicas as many
 * handshakes in a moment. What is left of the grace is for those that ask seldom.
 */
export function drainEndMs(connection: number, graceMs: number): number {
  return graceMs * (first + (last - first) * spread(connection))
}

/**
 * How old a connection may get, in milliseconds: between four and six fifths of `ageMs`, so that those that came together
 * do not end together. A replica that was added would else get nothing of those that asked before.
 */
export function maxAgeMs(connection: number, ageMs: number): number {
  return ageMs * (0.8 + 0.4 * spread(connection))
}

/** From 0 to 1. */
function spread(connection: number): number {
  return (connection * golden) % 1
}
