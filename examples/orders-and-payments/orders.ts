/**
 * orders: calls payments with the token mounted into its pod. It gets the token from the source for each call, because
 * the file is renewed long before the token expires.
 *
 *     node orders.mjs                         stay, and call every 5 seconds
 *     node orders.mjs call [none|ledger|altered]   call once: as it should be, without a token, with one meant for
 *                                             another service, or with one altered on the way
 *     node orders.mjs claims                  show what the token says (never the token)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { tokenSource } from '@signet-dev/signet/verifier'

const payments = tokenSource({ name: 'payments' })
const ledger = tokenSource({ name: 'ledger' })
const url = process.env.PAYMENTS_URL ?? 'http://payments:8080/charge'

/** What one part of a token says, for people to read. */
const read = (part = ''): object => JSON.parse(Buffer.from(part, 'base64url').toString()) as object

/** Another subject in the claims, the signature left as it was. */
function alter(text: string): string {
  const [header = '', payload = '', signature = ''] = text.split('.')
  const claims = { ...read(payload), sub: 'spiffe://cluster.local/ns/demo/sa/admin' }
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
}

async function call(kind: string): Promise<string> {
  const text = kind === 'none' ? undefined : await (kind === 'ledger' ? ledger : payments).token()
  const sent = text !== undefined && kind === 'altered' ? alter(text) : text
  const response = await post(sent === undefined ? {} : { authorization: `Bearer ${sent}` }, Date.now() + 10_000)
  return `${response.status} ${(await response.text()) || (response.headers.get('www-authenticate') ?? '')}`
}

/** A Service refuses connections until kube-proxy knows its first pod. A refused request was never sent, so it is repeated. */
async function post(headers: Record<string, string>, deadline: number): Promise<Response> {
  try {
    return await fetch(url, { method: 'POST', headers, signal: AbortSignal.timeout(10_000) })
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    if (code !== 'ECONNREFUSED' || Date.now() > deadline) throw error
    await sleep(250)
    return post(headers, deadline)
  }
}

const [command, kind = 'payments'] = process.argv.slice(2)
if (command === 'call') console.log(await call(kind))
else if (command === 'claims') {
  const [header, payload] = (await payments.token()).split('.')
  const claims = read(payload) as { exp: number }
  console.log(JSON.stringify({ header: read(header), claims }, null, 2))
  console.log(`valid until ${new Date(claims.exp * 1000).toISOString()}`)
} else {
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  while (!stop.signal.aborted) {
    console.log(await call('payments').catch((error: unknown) => `failed: ${String(error)}`))
    await sleep(5000, undefined, { signal: stop.signal }).catch(() => undefined)
  }
}
