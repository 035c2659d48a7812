import { Kubectl } from '../test/apiserver/kubectl.ts'
import { operatorNamespace } from '../test/chart/helm.ts'
import type { ControlPlane } from '../tools/cluster/control-plane.ts'

/** How to start a process. */
export interface Command {
  readonly file: string
  readonly parameters: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** Node with these parameters, as a process of this machine that finds what it would find in a pod. */
export type InPod = (parameters: readonly string[]) => Command

/** The token must outlive the measurement, because it is not renewed, as kubelet would renew it in a pod. */
const tokenDuration = '24h'

/** A pod of an account of the chart: address from the environment, token and CA from files that only it can see. */
export async function podOf(plane: ControlPlane, account: string): Promise<InPod> {
  const kubectl = await Kubectl.of(plane)
  const create = ['create', 'token', account, '-n', operatorNamespace, `--duration=${tokenDuration}`]
  const token = (await kubectl.run(create)).trim()
  const { hostname, port } = new URL(plane.url)
  const directory = '/run/secrets/kubernetes.io/serviceaccount'
  const script = [
    'copy=$(mktemp /dev/shm/signet-bench-XXXXXX)',
    'cp "$CA_FILE" "$copy"',
    'mount -t tmpfs tmpfs /run',
    `mkdir -p ${directory}`,
    `mv "$copy" ${directory}/ca.crt`,
    `printf %s "$TOKEN" > ${directory}/token`,
    `printf %s ${operatorNamespace} > ${directory}/namespace`,
    'unset TOKEN',
    'exec "$@"',
  ].join(' && ')
  return (parameters) => ({
    file: 'unshare',
    parameters: ['--mount', 'sh', '-c', script, 'sh', process.execPath, ...parameters],
    env: {
      PATH: process.env['PATH'],
      CA_FILE: plane.caFile,
      TOKEN: token,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
    },
  })
}
