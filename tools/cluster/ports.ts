import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Free TCP ports, below the ranges of NodePorts and of outgoing connections, so that nothing takes one while its
 * server restarts.
 */
export async function freePorts(count: number, address = '127.0.0.1'): Promise<number[]> {
  const ports = new Set<number>()
  for (let attempt = 0; ports.size < count && attempt < 200; attempt++) {
    const port = randomInt(16_000, 29_000)
    if (await isFree(port, address)) ports.add(port)
  }
  if (ports.size < count) throw new Error(`cannot find ${count} free ports on ${address}`)
  return [...ports]
}

export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
