import { SECOND } from '../../duration.ts'
import { silentLogger } from '../../logger.ts'
import { LoopbackClient } from '../../server/loopback-client.ts'
import { startTlsServer } from '../../server/tls-server.ts'
import { audienceOf, throwawayAuthority, type ThrowawayAuthority } from './throwaway-authority.ts'

export interface WarmUpOptions {
  /** As of the server that is warmed up for. */
  readonly certificateDirectory: string
  /** No longer than that, in milliseconds, give or take a request. */
  readonly limitMs: number
}

/** How many ask at the same time, each over a connection of its own, and how often each exchanges and introspects. */
const callers = 16
const rounds = 60
/** After which an answer is not waited for any longer. */
const silenceMs = 5 * SECOND

/**
 * Exchanges and introspects over TLS with an authority of its own, so that the code is compiled which real requests will
 * run: Node does that as it is used, and the first of them would wait. Resolves with the number of answers; rejects where
 * there is no certificate, or an answer is not as it should be.
 */
export async function warmUp({ certificateDirectory, limitMs }: WarmUpOptions): Promise<number> {
  const until = performance.now() + limitMs
  const authority = await throwawayAuthority()
  const { forms } = authority
  const server = await startTlsServer({
    port: 0,
    host: '127.0.0.1',
    certificateDirectory,
    handler: (request, response) => void forms.handle(request.url ?? '', request, response),
    logger: silentLogger,
  })
  try {
    const { port } = server
    const client = await LoopbackClient.create({
      port,
      certificateDirectory,
      connections: callers,
      timeoutMs: silenceMs,
    })
    try {
      const names = Array.from({ length: callers }, (_, index) => `caller-${index}`)
      const answers = await Promise.all(names.map((name) => ask(authority, client, name, until)))
      return answers.reduce((all, some) => all + some, 0)
    } finally {
      client.close()
    }
  } finally {
    await server.close()
    authority.close()
  }
}

/** Resolves with the number of answers. */
async function ask(
  authority: ThrowawayAuthority,
  client: LoopbackClient,
  caller: string,
  until: number,
): Promise<number> {
  const proof = await authority.accountToken(caller)
  const exchange = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: proof,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience: audienceOf(caller),
  }).toString()
  let answers = 0
  for (let round = 0; round < rounds && performance.now() < until; round += 1, answers += 2) {
    const { access_token: token } = JSON.parse(await post(client, '/token', exchange)) as { access_token?: string }
    const question = new URLSearchParams({ token: token ?? '' }).toString()
    const answer = await post(client, '/introspect', question, { Authorization: `Bearer ${proof}` })
    if (!answer.startsWith('{"active":true')) throw new Error('a token of the warm-up is not active')
  }
  return answers
}

async function post(
  client: LoopbackClient,
  path: string,
  form: string,
  headers?: Readonly<Record<string, string>>,
): Promise<string> {
  const { status, body } = await client.post(path, form, headers)
  if (status !== 200) throw new Error(`POST ${path} of the warm-up was answered ${status}`)
  return body
}
