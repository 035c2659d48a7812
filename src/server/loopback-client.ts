import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'

export interface LoopbackClientOptions {
  /** Of a server in this process that listens on 127.0.0.1. */
  readonly port: number
  /** Folder with the `tls.crt` that the server presents: no other certificate is accepted. */
  readonly certificateDirectory: string
  /** Most connections; each is kept. */
  readonly connections: number
  /** How long the server may be silent, in milliseconds. */
  readonly timeoutMs: number
}

export interface LoopbackAnswer {
  readonly status: number
  readonly body: string
}

/** Sends forms to a server of this very process. */
export class LoopbackClient {
  readonly #port: number
  readonly #timeoutMs: number
  readonly #agent: Agent

  private constructor({ port, connections, timeoutMs }: LoopbackClientOptions, certificate: string) {
    this.#port = port
    this.#timeoutMs = timeoutMs
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: connections,
      ca: certificate,
      allowPartialTrustChain: true,
      // It is this very certificate, whatever names are in it.
      checkServerIdentity: () => undefined,
    })
  }

  /** Rejects where there is no certificate to be read. */
  static async create(options: LoopbackClientOptions): Promise<LoopbackClient> {
    const certificate = await readFile(join(options.certificateDirectory, 'tls.crt'), 'utf8')
    return new LoopbackClient(options, certificate)
  }

  /** Rejects where the server is silent, or shows another certificate. */
  post(path: string, form: string, headers: Readonly<Record<string, string>> = {}): Promise<LoopbackAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: 'POST',
          path,
          headers: {
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': Buffer.byteLength(form),
            ...headers,
          },
          timeout: this.#timeoutMs,
        },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
          answer.once('error', reject)
        },
      )
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)))
      sent.once('error', reject)
      sent.end(form)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
