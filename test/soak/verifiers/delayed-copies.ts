import { request } from 'node:https'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Copies of a document with the times at which they were asked for. */
export class CopyHistory {
  private copies: { readonly at: number; readonly body: string }[] = []
  private readonly ageMs: number

  constructor(ageMs: number) {
    this.ageMs = ageMs
  }

  add(at: number, body: string): void {
    const last = this.copies.at(-1)?.body
    this.copies.push({ at, body: body === last ? last : body })
  }

  /** The youngest copy that is at least as old as it should be; older ones are dropped. */
  get(now: number): string | undefined {
    const index = this.copies.findLastIndex(({ at }) => at <= now - this.ageMs)
    if (index > 0) this.copies = this.copies.slice(index)
    return index < 0 ? undefined : this.copies[0]?.body
  }
}

/** Serves the JWK Set of a while ago, always. */
export interface DelayedCopies {
  readonly uri: string
  /** How old each copy is at least when it is handed out. */
  readonly ageMs: number
  readonly close: () => Promise<void>
}

export interface DelayedCopiesOptions {
  readonly uri: string
  readonly ca: string
  /** Each copy is as old as this, and older by `everyMs` at most. */
  readonly ageMs: number
  readonly everyMs: number
}

/** Answers 503 until it has a copy that is old enough. */
export async function startDelayedCopies({ uri, ca, ageMs, everyMs }: DelayedCopiesOptions): Promise<DelayedCopies> {
  const history = new CopyHistory(ageMs)
  const timer = setInterval(() => {
    const at = Date.now()
    // A fetch that fails leaves the copy before it in use for longer: stricter, never laxer.
    fetchText(uri, ca).then(
      (body) => history.add(at, body),
      () => undefined,
    )
  }, everyMs)
  const server = createServer((_request, response) => {
    const body = history.get(Date.now())
    response.writeHead(body === undefined ? 503 : 200, { 'content-type': 'application/jwk-set+json' }).end(body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    uri: `http://127.0.0.1:${port}/jwks.json`,
    ageMs,
    close: async () => {
      clearInterval(timer)
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A GET over a connection of its own, so that a balancer sends each to another replica. */
export function fetchText(uri: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(uri, { ca, agent: false, timeout: 5000 }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.once('error', reject)
      response.once('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${uri} answered ${response.statusCode ?? 0}`))
      })
    })
    call.once('timeout', () => call.destroy(new Error(`${uri} was not answered within 5 s`)))
    call.once('error', reject)
    call.end()
  })
}
