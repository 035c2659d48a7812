import { connect, createServer, type Socket } from 'node:net'

/** Hands connections to several ports of this machine in turn, as a Service does with its pods. */
export interface RoundRobin {
  readonly close: () => Promise<void>
}

export async function startRoundRobin(port: number, backends: readonly number[]): Promise<RoundRobin> {
  const open = new Set<Socket>()
  let count = 0
  const server = createServer((client) => {
    const backend = connect(backends[count++ % backends.length] ?? 0, '127.0.0.1')
    for (const socket of [client, backend]) {
      open.add(socket)
      socket.once('close', () => {
        open.delete(socket)
        client.destroy()
        backend.destroy()
      })
      // Told by `close`, which follows; the client sees a connection that broke.
      socket.on('error', () => undefined)
    }
    client.pipe(backend).pipe(client)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
