import { join } from 'node:path'
import { kubernetesBinaries } from '../../tools/cluster/binaries.ts'
import type { ControlPlane } from '../../tools/cluster/control-plane.ts'
import { startDaemon, stopDaemon } from '../../tools/cluster/daemon.ts'
import { freePorts } from '../../tools/cluster/ports.ts'

/** Runs some of Kubernetes' own controllers against a control plane; the function stops them. */
export async function startControllers(plane: ControlPlane, controllers: string[]): Promise<() => Promise<void>> {
  const { 'kube-controller-manager': command } = await kubernetesBinaries()
  const [port] = await freePorts(1)
  const daemon = await startDaemon({
    name: 'kube-controller-manager',
    command,
    args: [
      `--kubeconfig=${await plane.kubeconfigFor('system:kube-controller-manager')}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${join(plane.directory, 'pki/sa.key')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--controllers=${controllers.join(',')}`,
    ],
    logFile: join(plane.directory, 'logs/kube-controller-manager.log'),
    state: plane.directory,
    diesWithParent: true,
  })
  return () => stopDaemon(daemon)
}
