import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

// The least that Node can do over TLS: read the whole request, answer so many fixed bytes. `bare.ts DIRECTORY BYTES`.
const [directory = '', bytes = ''] = process.argv.slice(2)
const body = Buffer.alloc(Number(bytes), 'a')
const headers = { 'content-type': 'application/json', 'content-length': body.length }
const server = createServer(
  {
    cert: readFileSync(join(directory, 'tls.crt')),
    key: readFileSync(join(directory, 'tls.key')),
    keepAliveTimeout: 120_000,
  },
  (request, response) => {
    request.on('data', () => undefined)
    request.on('end', () => {
      response.writeHead(200, headers)
      response.end(body)
    })
  },
)
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`)
})
process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
