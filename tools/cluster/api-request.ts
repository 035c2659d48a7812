import { request } from 'node:https'

/** A client certificate and the authority to trust, PEM. */
export interface Credentials {
  ca: string
  cert: string
  key: string
}

/** One small HTTPS request with a client certificate; the body is read up to 1 MiB. */
export function apiRequest(
  url: string,
  credentials: Credentials,
  options: { method?: string; body?: string; contentType?: string; timeoutMs?: number } = {},
): Promise<{ status: number; body: string }> {
  const { method = 'GET', body, contentType = 'application/json', timeoutMs = 5_000 } = options
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }
    const call = request(url, { ...credentials, method, headers, agent: false, timeout: timeoutMs }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < 1_048_576) text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      response.on('error', reject)
    })
    call.on('timeout', () => call.destroy(new Error(`${method} ${url} took longer than ${timeoutMs} ms`)))
    call.on('error', reject)
    call.end(body)
  })
}
