import type { ControlPlanePki } from './pki.ts'

export const serviceRange = '10.96.0.0/16'
export const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local'

export const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

export interface ApiServerInput {
  bindAddress: string
  port: number
  etcdPort: number
  pki: ControlPlanePki
  advertiseAddress: string | undefined
  audit: { policyFile: string; logFile: string } | undefined
}

/** Flags as kubeadm sets them, where they matter to what runs on the cluster. */
export function apiServerArguments({ bindAddress, port, etcdPort, pki, advertiseAddress, audit }: ApiServerInput) {
  return [
    `--bind-address=${bindAddress}`,
    `--secure-port=${port}`,
    `--etcd-servers=https://127.0.0.1:${etcdPort}`,
    `--etcd-cafile=${pki.ca.certificateFile}`,
    `--etcd-certfile=${pki.etcd.certificateFile}`,
    `--etcd-keyfile=${pki.etcd.keyFile}`,
    `--tls-cert-file=${pki.apiServer.certificateFile}`,
    `--tls-private-key-file=${pki.apiServer.keyFile}`,
    `--client-ca-file=${pki.ca.certificateFile}`,
    `--kubelet-certificate-authority=${pki.ca.certificateFile}`,
    `--kubelet-client-certificate=${pki.kubeletClient.certificateFile}`,
    `--kubelet-client-key=${pki.kubeletClient.keyFile}`,
    // For aggregated API servers, and because controllers look for this authority in kube-system.
    `--requestheader-client-ca-file=${pki.ca.certificateFile}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--kubelet-preferred-address-types=InternalIP',
    `--service-account-issuer=${serviceAccountIssuer}`,
    `--service-account-signing-key-file=${pki.serviceAccount.privateFile}`,
    `--service-account-key-file=${pki.serviceAccount.publicFile}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--enable-priority-and-fairness=true',
    '--allow-privileged=true',
    // A loopback address cannot be an endpoint of Service "kubernetes".
    ...(advertiseAddress ? [`--advertise-address=${advertiseAddress}`] : ['--endpoint-reconciler-type=none']),
    ...(audit
      ? [`--audit-policy-file=${audit.policyFile}`, `--audit-log-path=${audit.logFile}`, '--audit-log-maxsize=200']
      : []),
  ]
}
