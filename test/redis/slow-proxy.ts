import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

export interface SlowProxy {
  readonly port: number
  /** By how much answers are late, in milliseconds; changed at any time. */
  delayMs: number
  close(): Promise<void>
}

/** A TCP proxy on loopback that hands on what is asked at once, and each answer late. */
export async function startSlowProxy(target: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = createConnection(target, '127.0.0.1')
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    incoming.on('data', (chunk) => outgoing.write(chunk))
    outgoing.on('data', (chunk) => void setTimeout(() => incoming.write(chunk), proxy.delayMs))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: SlowProxy = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return proxy
}
