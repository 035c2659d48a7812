import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HAProxy } from './haproxy.ts'

/** What stands between services and replicas. */
export interface Proxy {
  readonly url: string
  /** New connections, and requests where it looks at those, go to the replicas on these ports from now on. */
  route(replicas: readonly number[]): Promise<void>
  stop(): Promise<void>
}

/** In steps of a hundredth, from one. */
const growingShare = 'weight 100 slowstart 10s'

export interface ProxyOptions {
  /** Its own, for its files. */
  readonly directory: string
  readonly log: (line: string) => void
}

/**
 * As a Service: balances TCP connections, which stay where they are, also when its list of replicas changes; it neither
 * ends TLS nor sees requests, and repeats none. In one thing it does better than kube-proxy: where a replica refuses a
 * connection, on which nothing has been sent yet, it takes the next replica.
 */
export function serviceProxy(options: ProxyOptions): Promise<Proxy> {
  return HAProxy.start({ ...options, mode: 'tcp', backend: ['balance roundrobin', 'option redispatch 1'] })
}

/**
 * As an ingress: ends TLS, balances requests over kept connections, and gives one that a replica does not answer to the
 * next replica, also a POST, since an exchange or an introspection can be done twice. The share of a new replica grows
 * within seconds, as docs/operate/scale.md advises: Node compiles code as it is used.
 */
export async function requestProxy(
  options: ProxyOptions,
  certificate: { readonly directory: string; readonly name: string },
): Promise<Proxy> {
  const [chain, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((file) => readFile(join(certificate.directory, file))),
  )
  const both = join(options.directory, 'tls.pem')
  await writeFile(both, `${chain?.toString()}\n${key?.toString()}`, { mode: 0o600 })
  return HAProxy.start({
    ...options,
    mode: 'http',
    bind: `ssl crt ${both}`,
    backend: [
      'balance roundrobin',
      'http-reuse always',
      'option redispatch 1',
      'retries 3',
      'retry-on conn-failure empty-response 503',
    ],
    server: `ssl verify required ca-file ${certificate.directory}/ca.crt sni str(${certificate.name}) ${growingShare}`,
  })
}
