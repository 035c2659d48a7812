import { apiRequest } from './api-request.ts'
import { readFile } from 'node:fs/promises'
import { type Daemon, type DaemonOptions, goneError, startDaemon } from './daemon.ts'
import { type ControlPlanePki, readCertificate } from './pki.ts'
import { waitFor } from './wait.ts'

export interface EtcdOptions {
  dataDirectory: string
  port: number
  pki: ControlPlanePki
}

/** One etcd member that only holders of our client certificate can read: it stores Secrets in the clear. */
export async function startEtcd(daemon: Omit<DaemonOptions, 'args'>, options: EtcdOptions): Promise<Daemon> {
  const { dataDirectory, port, pki } = options
  const url = `https://127.0.0.1:${port}`
  const etcd = await startDaemon({
    ...daemon,
    args: [
      `--data-dir=${dataDirectory}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      '--listen-peer-urls=http://127.0.0.1:0',
      '--client-cert-auth',
      `--trusted-ca-file=${pki.ca.certificateFile}`,
      `--cert-file=${pki.etcd.certificateFile}`,
      `--key-file=${pki.etcd.keyFile}`,
      '--log-level=warn',
      // Losing the last writes in a power cut does not matter here, being quick on a slow disk does.
      '--unsafe-no-fsync',
    ],
  })
  const ca = await readFile(pki.ca.certificateFile, 'utf8')
  const { certificate: cert, key } = await readCertificate(pki.etcd)
  await waitFor({
    what: `etcd at ${url}/health (log: ${etcd.logFile})`,
    limitMs: 30_000,
    everyMs: 50,
    until: async () => (await apiRequest(`${url}/health`, { ca, cert, key })).status === 200,
    gaveUp: () => goneError(etcd),
  })
  return etcd
}
