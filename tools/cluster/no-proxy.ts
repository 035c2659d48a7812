/** The cluster's own addresses and names. */
const direct = ['127.0.0.1', 'localhost', '198.18.0.0/15', '10.96.0.0/16', '10.244.0.0/16', '.svc', '.cluster.local']

/** Variables that keep clients from asking a configured proxy for what is on this machine. */
export function noProxy(env: NodeJS.ProcessEnv = process.env): { NO_PROXY: string; no_proxy: string } {
  const given = (env.NO_PROXY ?? env.no_proxy ?? '').split(',').filter((entry) => entry !== '')
  const value = [...new Set([...given, ...direct])].join(',')
  return { NO_PROXY: value, no_proxy: value }
}
