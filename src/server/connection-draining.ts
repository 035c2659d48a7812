/** The fractional part of the golden ratio. Its multiples modulo 1 are evenly distributed, whatever their number. */
const golden = (Math.sqrt(5) - 1) / 2

/** The shares of the grace period between which connections end. */
const first = 0.1
const last = 0.6

/**
 * When a draining server ends a connection, in milliseconds since the drain began. Spread over the grace period:
 * connections ended at once would return to this server until the endpoints no longer list it, and cost the other
 * replicas a burst of handshakes. The rest of the grace period is for connections with few requests.
 */
export function drainEndMs(connection: number, graceMs: number): number {
  return graceMs * (first + (last - first) * spread(connection))
}

/**
 * The maximum age of a connection, in milliseconds: 80 to 120 % of `ageMs`, so that connections opened together end
 * apart. Without a maximum, an added replica would get no load from existing clients.
 */
export function maxAgeMs(connection: number, ageMs: number): number {
  return ageMs * (0.8 + 0.4 * spread(connection))
}

/** Returns a number in [0, 1). */
function spread(connection: number): number {
  return (connection * golden) % 1
}
