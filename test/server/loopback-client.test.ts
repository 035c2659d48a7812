import { expect, it, onTestFinished } from 'vitest'
import { LoopbackClient } from '../../src/server/loopback-client.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import { authority, startServer } from './running-server.ts'

async function clientOf(
  options: Parameters<typeof startServer>[0],
  { certificateDirectory, timeoutMs = 5000 }: { certificateDirectory?: string; timeoutMs?: number } = {},
): Promise<LoopbackClient> {
  const server = await startServer(options)
  onTestFinished(() => server.stop())
  const client = await LoopbackClient.create({
    port: server.port,
    certificateDirectory: certificateDirectory ?? server.folder.path,
    connections: 2,
    timeoutMs,
  })
  onTestFinished(() => client.close())
  return client
}

it('sends forms and hands on what is answered, over kept connections', async () => {
  const sockets = new Set<unknown>()
  const client = await clientOf({
    handler: (request, response) => {
      sockets.add(request.socket)
      const { method, url, headers } = request
      void request.toArray().then((chunks) => {
        response.statusCode = 201
        response.end(
          `${method} ${url} ${headers['content-type']} ${headers.authorization} ${Buffer.concat(chunks).toString()}`,
        )
      })
    },
  })
  const asked = Array.from({ length: 6 }, (_, index) =>
    client.post('/token', `a=${index}`, { Authorization: 'Bearer x' }),
  )
  const answers = await Promise.all(asked)
  expect(answers).toEqual(
    answers.map((_, index) => ({
      status: 201,
      body: `POST /token application/x-www-form-urlencoded Bearer x a=${index}`,
    })),
  )
  expect(sockets.size).toBe(2)
})

it('accepts the certificate that is in the folder and no other, not even of the same CA', async () => {
  const other = await SecretFolder.create()
  onTestFinished(() => other.remove())
  await other.write(await authority.issue())
  const client = await clientOf({}, { certificateDirectory: other.path })
  await expect(client.post('/', '')).rejects.toThrow('unable to get local issuer certificate')
})

it('waits for an answer no longer than it may', async () => {
  const client = await clientOf({ handler: () => undefined }, { timeoutMs: 100 })
  await expect(client.post('/', '')).rejects.toThrow('no answer within 100 ms')
})

it('cannot be made where there is no certificate', async () => {
  const empty = await SecretFolder.create()
  onTestFinished(() => empty.remove())
  await expect(clientOf({}, { certificateDirectory: empty.path })).rejects.toThrow('ENOENT')
})
