/**
 * payments: accepts charges from callers that prove their identity. It verifies each token itself, with keys and
 * revocations that the verifier keeps fresh. The verifier finds the issuer and the CA certificates among the mounted files.
 */
import { createServer } from 'node:http'
import { createVerifier, withCaller } from '@signet-dev/signet/verifier'

const verifier = createVerifier({ audience: 'payments' })

const charge = withCaller(
  verifier,
  (_, response, { subject }) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ charged: true, caller: subject }))
  },
  // The caller learns that its token was refused, and never why.
  { onRefused: ({ code }) => console.log(`refused: ${code}`) },
)

const server = createServer((request, response) => {
  if (request.url !== '/healthz') charge(request, response)
  // Ready once keys and revocations are loaded: before, the verifier can decide about no token.
  else response.writeHead(verifier.notReady() === undefined ? 200 : 503).end(verifier.notReady())
})
server.listen(Number(process.env.PORT ?? 8080))
process.on('SIGTERM', () => {
  server.close()
  verifier.close()
})
