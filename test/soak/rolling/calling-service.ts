import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { messageOf } from '../../../src/errors.ts'

/** One request of a service to the authority, and how its answer begins where it is right. */
export interface Question {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly rightAnswer: string
}

export interface Peer {
  readonly url: string
  readonly ca: string
  readonly servername: string
}

/** What came of a question: why it failed at the first attempt, and why also at the second. */
export interface Reply {
  readonly failure?: string
  readonly failureAfterRetry?: string
}

/** Within which an answer has to come, in milliseconds. */
const limitMs = 5000
/** Until it asks again, in milliseconds: a process that is being killed may take connections to the last. */
const backOffMs = 100

/**
 * A service that asks the authority over one kept connection, one question at a time. What fails it repeats once, over the
 * connection that takes the place of a lost one: exchange and introspection do nothing that cannot be done twice. One of
 * its own for each question would cost handshakes by the hundred just when there is the least time. The SDK repeats an
 * exchange up to three times.
 */
export class CallingService {
  readonly #client: Client

  constructor(peer: Peer) {
    this.#client = clientOf(peer)
  }

  async ask(question: Question): Promise<Reply> {
    const failure = await failureOf(this.#client, question)
    if (failure === undefined) return {}
    await sleep(backOffMs)
    const failureAfterRetry = await failureOf(this.#client, question)
    return failureAfterRetry === undefined ? { failure } : { failure, failureAfterRetry }
  }

  async close(): Promise<void> {
    await this.#client.destroy()
  }
}

/** The right answer, asked for once on a connection of its own. */
export async function answerOf(peer: Peer, question: Question): Promise<string> {
  const client = clientOf(peer)
  try {
    return await send(client, question)
  } finally {
    await client.destroy()
  }
}

function clientOf({ url, ca, servername }: Peer): Client {
  return new Client(url, {
    connect: { ca, servername, timeout: limitMs },
    headersTimeout: limitMs,
    bodyTimeout: limitMs,
    // The authority says that it keeps connections for 120 s.
    keepAliveTimeout: 60_000,
  })
}

async function failureOf(client: Client, question: Question): Promise<string | undefined> {
  try {
    await send(client, question)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

async function send(client: Client, { path, headers, body, rightAnswer }: Question): Promise<string> {
  const answer = await client.request({ method: 'POST', path, headers, body })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`)
  if (!text.startsWith(rightAnswer)) throw new Error(`${path} gave a wrong answer`)
  return text
}
