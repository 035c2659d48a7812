/** What a client needs to reach a cluster as one user; certificates in PEM. */
export interface KubeconfigInput {
  cluster: string
  server: string
  user: string
  certificateAuthority: string
  clientCertificate: string
  clientKey: string
}

/** A kubeconfig with everything embedded: the file can be copied and needs no other. */
export function renderKubeconfig(input: KubeconfigInput): string {
  const cluster = JSON.stringify(input.cluster)
  const user = JSON.stringify(input.user)
  return `apiVersion: v1
kind: Config
clusters:
- name: ${cluster}
  cluster:
    server: ${JSON.stringify(input.server)}
    certificate-authority-data: ${base64(input.certificateAuthority)}
users:
- name: ${user}
  user:
    client-certificate-data: ${base64(input.clientCertificate)}
    client-key-data: ${base64(input.clientKey)}
contexts:
- name: ${cluster}
  context:
    cluster: ${cluster}
    user: ${user}
current-context: ${cluster}
`
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
