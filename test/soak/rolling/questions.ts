import { Client } from 'undici'
import { exchangeForm } from '../../../src/verifier/token-source/exchange.ts'
import type { Peer, Question } from './paced-load.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** The exchange of a pod's token for one for another service. */
export function exchange(subjectToken: string): Question {
  const body = exchangeForm(subjectToken, { audience: 'payments' })
  return { path: '/token', headers: form, body, rightAnswer: '{"access_token"' }
}

/** Questions about the tokens that those exchanges give, by the caller whose proof this is. */
export async function introspectionsOf(peer: Peer, exchanges: readonly Question[], proof: string): Promise<Question[]> {
  const headers = { ...form, authorization: `Bearer ${proof}` }
  const questions: Question[] = []
  for (const question of exchanges) {
    const { access_token: token } = JSON.parse(await answerOf(peer, question)) as { access_token: string }
    const body = new URLSearchParams({ token }).toString()
    questions.push({ path: '/introspect', headers, body, rightAnswer: '{"active":true' })
  }
  return questions
}

/** The right answer, asked for once on a connection of its own. */
async function answerOf(
  { url, ca, servername }: Peer,
  { path, headers, body, rightAnswer }: Question,
): Promise<string> {
  const client = new Client(url, { connect: { ca, servername }, headersTimeout: 5000, bodyTimeout: 5000 })
  try {
    const answer = await client.request({ method: 'POST', path, headers, body })
    const text = await answer.body.text()
    if (answer.statusCode !== 200 || !text.startsWith(rightAnswer)) {
      throw new Error(`${path} answered ${answer.statusCode}, not as it should`)
    }
    return text
  } finally {
    await client.destroy()
  }
}
