import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'

/** PEM texts; the files lie beside each other as NAME.crt and NAME.key. */
export interface Certificate {
  certificateFile: string
  keyFile: string
}

export interface Leaf {
  /** File name without ending. */
  name: string
  commonName: string
  organizations?: string[]
  usage: 'clientAuth' | 'serverAuth' | 'both'
  dnsNames?: string[]
  addresses?: string[]
}

const days = 365

/** Creates the cluster's certificate authority (ECDSA P-256) in the directory. */
export async function createCertificateAuthority(directory: string): Promise<Certificate> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const extensions = ['basicConstraints = critical, CA:true', 'keyUsage = critical, keyCertSign, cRLSign']
  return request(directory, 'ca', subjectOf('signet-cluster-ca', []), extensions, [])
}

/** Issues a certificate for a server, for a user (common name) with groups (organizations), or both. */
export function issue(directory: string, leaf: Leaf): Promise<Certificate> {
  const usages = leaf.usage === 'both' ? 'serverAuth, clientAuth' : leaf.usage
  const names = [
    ...(leaf.dnsNames ?? []).map((name) => `DNS:${name}`),
    ...(leaf.addresses ?? []).map((address) => `IP:${address}`),
  ]
  const extensions = [
    'basicConstraints = critical, CA:false',
    'keyUsage = critical, digitalSignature',
    `extendedKeyUsage = ${usages}`,
    ...(names.length > 0 ? [`subjectAltName = ${names.join(', ')}`] : []),
  ]
  const signer = ['-CA', join(directory, 'ca.crt'), '-CAkey', join(directory, 'ca.key')]
  return request(directory, leaf.name, subjectOf(leaf.commonName, leaf.organizations ?? []), extensions, signer)
}

/** The RSA key pair that signs ServiceAccount tokens, as kubeadm makes it: `sa.key` and `sa.pub`. */
export async function createServiceAccountKeys(
  directory: string,
): Promise<{ privateFile: string; publicFile: string }> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const privatePem = privateKey.export({ type: 'pkcs1', format: 'pem' })
  const publicPem = createPublicKey(createPrivateKey(privatePem)).export({ type: 'spki', format: 'pem' })
  const [privateFile, publicFile] = [join(directory, 'sa.key'), join(directory, 'sa.pub')]
  await writeFile(privateFile, privatePem, { mode: 0o600 })
  await writeFile(publicFile, publicPem)
  return { privateFile, publicFile }
}

export async function readCertificate(certificate: Certificate): Promise<{ certificate: string; key: string }> {
  return {
    certificate: await readFile(certificate.certificateFile, 'utf8'),
    key: await readFile(certificate.keyFile, 'utf8'),
  }
}

/** An openssl subject; the characters that separate its parts are escaped. */
export function subjectOf(commonName: string, organizations: string[]): string {
  const escape = (text: string) => text.replaceAll(/[\\/+=]/g, String.raw`\$&`)
  return [...organizations.map((name) => `/O=${escape(name)}`), `/CN=${escape(commonName)}`].join('')
}

async function request(
  directory: string,
  name: string,
  subject: string,
  extensions: string[],
  signer: string[],
): Promise<Certificate> {
  const [certificateFile, keyFile, configFile] = ['crt', 'key', 'cnf'].map((end) =>
    join(directory, `${name}.${end}`),
  ) as [string, string, string]
  const config = ['[req]', 'distinguished_name = dn', 'string_mask = utf8only', '[dn]', '[ext]', ...extensions, '']
  await writeFile(configFile, config.join('\n'))
  await run('openssl', [
    ...['req', '-x509', '-utf8', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
    ...['-days', String(days), '-config', configFile, '-extensions', 'ext', '-subj', subject],
    ...['-keyout', keyFile, '-out', certificateFile, ...signer],
  ])
  return { certificateFile, keyFile }
}

/** What etcd and kube-apiserver need. */
export interface ControlPlanePki {
  ca: Certificate
  etcd: Certificate
  apiServer: Certificate
  admin: Certificate
  /** How kube-apiserver shows itself to kubelet, for logs and exec. */
  kubeletClient: Certificate
  serviceAccount: { privateFile: string; publicFile: string }
}

export async function createControlPlanePki(directory: string, addresses: string[]): Promise<ControlPlanePki> {
  const ca = await createCertificateAuthority(directory)
  const service = 'kubernetes.default.svc.cluster.local'.split('.')
  const dnsNames = ['localhost', ...[1, 2, 3, 5].map((parts) => service.slice(0, parts).join('.'))]
  const [etcd, apiServer, admin, kubeletClient, serviceAccount] = await Promise.all([
    issue(directory, {
      name: 'etcd',
      commonName: 'etcd',
      usage: 'both',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1'],
    }),
    issue(directory, {
      name: 'kube-apiserver',
      commonName: 'kube-apiserver',
      usage: 'serverAuth',
      dnsNames,
      addresses,
    }),
    issue(directory, { name: 'admin', commonName: 'admin', organizations: ['system:masters'], usage: 'clientAuth' }),
    issue(directory, {
      name: 'kube-apiserver-kubelet-client',
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
      usage: 'clientAuth',
    }),
    createServiceAccountKeys(directory),
  ])
  return { ca, etcd, apiServer, admin, kubeletClient, serviceAccount }
}
