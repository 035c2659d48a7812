import type { Agent } from 'node:https'
import { type LogFields, type Logger, silentLogger } from '../../src/logger.ts'
import { createWebhookHandler, type Decided, type WebhookHandlerOptions } from '../../src/webhook/handler.ts'
import { type Answer, call, type RunningServer, startServer } from './running-server.ts'
import type { ReviewAnswer } from './admission-review.ts'

export interface RunningWebhook extends RunningServer {
  readonly decisions: readonly Decided[]
  readonly logged: readonly string[]
  /** One review to /mutate-pods, unless said otherwise. */
  review(body: string | Buffer | object, options?: ReviewOptions): Promise<Answer & { readonly review: ReviewAnswer }>
}

export interface ReviewOptions {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
}

/** The webhook on a TLS server on the loopback, with everything that it decided and logged. */
export async function startWebhook(options: Partial<WebhookHandlerOptions> = {}): Promise<RunningWebhook> {
  const decisions: Decided[] = []
  const logged: string[] = []
  const server = await startServer({
    handler: createWebhookHandler({
      issuer: 'https://signet-authority.signet-system.svc',
      issuerScope: 'cluster',
      namespace: 'signet-system',
      nudge: 'Never',
      allowedClaims: ['team'],
      onDecision: (decided) => decisions.push(decided),
      logger: remembering(logged),
      ...options,
    }),
  })
  return {
    ...server,
    decisions,
    logged,
    review: async (body, { path = '/mutate-pods?timeout=5s', headers, agent } = {}) => {
      const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
      const answer = await call({
        port: server.port,
        path,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
        body: text,
        ...(agent === undefined ? {} : { agent }),
      })
      // Answers that are no reviews are text, and tests read their `body`.
      const isReview = answer.headers['content-type'] === 'application/json'
      return { ...answer, review: (isReview ? JSON.parse(answer.body) : {}) as ReviewAnswer }
    },
  }
}

/** Keeps every line, so that a test can look for what must not be there. */
function remembering(lines: string[]): Logger {
  const remember = (message: string, fields?: LogFields): void =>
    void lines.push(
      `${message} ${JSON.stringify(fields ?? {}, (_, value: unknown) => (value instanceof Error ? String(value) : value))}`,
    )
  return { ...silentLogger, info: remember, warn: remember, error: remember, debug: remember }
}
