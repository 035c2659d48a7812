import { components, managedLabels } from '../../api/v1alpha1/metadata.ts'
import { type IssuedCertificate, issueServingCertificate } from '../../certificates/issue.ts'
import { certificateInfo, certificateProblem } from '../../certificates/validate.ts'
import type { Clock } from '../../time/clock.ts'
import { MINUTE } from '../../time/duration.ts'
import { type Secret, secretText, secretValue } from '../../kube/secrets/secret-codec.ts'
import { renewCertificateAt } from '../../rotation/lifetimes.ts'
import type { OwnSecrets } from './own-secrets.ts'

/** A server of Signet: the Secret with its certificate, and the Service whose names the certificate has. */
interface Server {
  readonly secretName: string
  readonly serviceName: string
}

export const servers: readonly Server[] = [
  { secretName: 'signet-webhook-tls', serviceName: 'signet-webhook' },
  { secretName: 'signet-authority-tls', serviceName: 'signet-authority' },
]

interface ServingCertificatesOptions {
  readonly secrets: OwnSecrets
  readonly namespace: string
  readonly clusterDomain: string
  /** Milliseconds. */
  readonly lifetime: number
  readonly clock: Clock
}

/** The serving certificates of webhook and authority, in Secrets: renewed after a third of their lifetime. */
export class ServingCertificates {
  readonly #options: ServingCertificatesOptions

  constructor(options: ServingCertificatesOptions) {
    this.#options = options
  }

  /** Renews a certificate that is due. `lookAgainAt` and `notAfter` are in milliseconds since the epoch. */
  async reconcile(
    server: Server,
    ca: IssuedCertificate,
    bundle: string,
    signal: AbortSignal,
  ): Promise<{ lookAgainAt: number; notAfter: number; renewed: boolean }> {
    const { secrets, namespace, clock, lifetime } = this.#options
    const now = clock.now()
    const secret = secrets.find(server.secretName)
    const dnsNames = this.#dnsNames(server)
    const current = secret === undefined ? undefined : usable(secret, dnsNames, bundle, now)
    const renewed = current === undefined || now >= renewCertificateAt(current)
    const validity = renewed ? { notBefore: now - 5 * MINUTE, notAfter: now + lifetime } : current
    const answer = { lookAgainAt: renewCertificateAt(validity), notAfter: validity.notAfter, renewed }
    if (!renewed && secret !== undefined && secretText(secret, 'ca.crt') === bundle) return answer
    const data = renewed
      ? await issueServingCertificate({ ca, dnsNames, ...validity }).then(({ certificatePem, privateKeyPem }) => ({
          'tls.crt': secretValue(certificatePem),
          'tls.key': secretValue(privateKeyPem),
        }))
      : secret?.data
    const wanted: Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        ...secret?.metadata,
        name: server.secretName,
        namespace,
        labels: { ...secret?.metadata.labels, ...managedLabels(components.servingCertificate) },
      },
      type: 'kubernetes.io/tls',
      data: { ...data, 'ca.crt': secretValue(bundle) },
    }
    await secrets.write(wanted, secret, signal)
    return answer
  }

  #dnsNames({ serviceName }: Server): string[] {
    const { namespace, clusterDomain } = this.#options
    const service = `${serviceName}.${namespace}`
    return [`${service}.svc`, service, serviceName, `${service}.svc.${clusterDomain}`]
  }
}

/** The validity of the stored certificate and key; undefined if the server cannot use them. */
function usable(secret: Secret, dnsNames: readonly string[], trustBundle: string, now: number) {
  const certificatePem = secretText(secret, 'tls.crt')
  const privateKeyPem = secretText(secret, 'tls.key')
  if (certificatePem === undefined || privateKeyPem === undefined) return undefined
  const problem = certificateProblem({ certificatePem, privateKeyPem, trustBundle, now, dnsNames, uris: [] })
  return problem === undefined ? certificateInfo(certificatePem) : undefined
}
