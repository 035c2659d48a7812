import { address, Nginx } from './nginx.ts'

/** What stands between services and replicas. */
export interface Proxy {
  readonly url: string
  /** New connections go to the replicas on these ports from now on. */
  route(replicas: readonly number[]): Promise<void>
  stop(): Promise<void>
}

export interface ProxyOptions {
  /** Its own, for its files. */
  readonly directory: string
  readonly replicas: readonly number[]
  readonly log: (line: string) => void
}

/**
 * As a Service: balances TCP connections, which stay where they are, also when its list of replicas changes; it neither
 * ends TLS nor sees requests, and repeats none. In one thing it does better than kube-proxy: where a replica refuses a
 * connection, on which nothing has been sent yet, it takes the next replica.
 */
export async function serviceProxy({ directory, replicas, log }: ProxyOptions): Promise<Proxy> {
  const block =
    (ports: readonly number[]) =>
    (port: number): string => `stream {
  upstream replicas {
${servers(ports)}  }
  server {
    listen ${address}:${port};
    proxy_pass replicas;
    proxy_connect_timeout 1s;
    proxy_next_upstream on;
  }
}
`
  const nginx = await Nginx.start(directory, block(replicas), log)
  return { url: nginx.url, route: (ports) => nginx.configure(block(ports)), stop: () => nginx.stop() }
}

/**
 * As an ingress: ends TLS, balances requests over kept connections, and gives one that a replica does not answer to the
 * next replica, also a POST, since an exchange or an introspection can be done twice. It finds out by itself which of the
 * ports serve: its list stays, for a new one would end the services' connections.
 */
export async function requestProxy(
  { directory, replicas, log }: ProxyOptions,
  certificate: { readonly directory: string; readonly name: string },
): Promise<Proxy> {
  const block = (port: number): string => `http {
  access_log off;
  upstream replicas {
${servers(replicas)}    keepalive 64;
  }
  server {
    listen ${address}:${port} ssl;
    keepalive_requests 1000000;
    ssl_certificate ${certificate.directory}/tls.crt;
    ssl_certificate_key ${certificate.directory}/tls.key;
    location / {
      proxy_pass https://replicas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_ssl_name ${certificate.name};
      proxy_ssl_server_name on;
      proxy_ssl_trusted_certificate ${certificate.directory}/ca.crt;
      proxy_ssl_verify on;
      proxy_connect_timeout 1s;
      proxy_next_upstream error timeout http_503 non_idempotent;
    }
  }
}
`
  const nginx = await Nginx.start(directory, block, log)
  return { url: nginx.url, route: () => Promise.resolve(), stop: () => nginx.stop() }
}

function servers(replicas: readonly number[]): string {
  return replicas.map((replica) => `    server ${address}:${replica} max_fails=1 fail_timeout=1s;\n`).join('')
}
