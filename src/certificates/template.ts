import { parseSpiffeId, type SpiffeId, formatSpiffeId } from '../identity/spiffe-id.ts'
import { isTrustDomain } from '../identity/trust-domain.ts'
import { CertificateError } from './pem.ts'

/** Milliseconds since the epoch; a certificate holds whole seconds. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** The content of a certificate without keys, serial number and signature. */
export interface CertificateTemplate extends Validity {
  readonly subject: { readonly commonName?: string; readonly organization?: string }
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** Whether the certificate is a CA. */
  readonly ca: boolean
  readonly usages: readonly ('serverAuth' | 'clientAuth')[]
}

export interface CaInput extends Validity {
  readonly commonName: string
  readonly trustDomain: string
}

/**
 * A self-signed CA of the trust domain. Its URI is the SPIFFE ID of the trust domain (X509-SVID §2, §4.2). The CA signs
 * leaf certificates only.
 */
export function caTemplate({ commonName, trustDomain, ...validity }: CaInput): CertificateTemplate {
  if (!isTrustDomain(trustDomain))
    throw new CertificateError('ERR_CERTIFICATE_NAME', `not a trust domain: ${trustDomain}`)
  if (commonName === '' || commonName.length > maxCommonName) {
    throw new CertificateError('ERR_CERTIFICATE_NAME', `common name has not 1 to ${maxCommonName} characters`)
  }
  return {
    ...checkValidity(validity),
    subject: { commonName },
    dnsNames: [],
    uris: [`spiffe://${trustDomain}`],
    ca: true,
    usages: [],
  }
}

export interface ServingInput extends Validity {
  readonly dnsNames: readonly string[]
}

/** The certificate of an HTTPS server. It has DNS names and no URI, so it is not an SVID. */
export function servingTemplate({ dnsNames, ...validity }: ServingInput): CertificateTemplate {
  const [first] = checkDnsNames(dnsNames)
  if (first === undefined) throw new CertificateError('ERR_CERTIFICATE_NAME', 'serving certificate has no DNS name')
  return {
    ...checkValidity(validity),
    subject: first.length > maxCommonName ? { organization } : { commonName: first },
    dnsNames,
    uris: [],
    ca: false,
    usages: ['serverAuth'],
  }
}

export interface WorkloadInput extends Validity {
  readonly spiffeId: SpiffeId
  /** Additional DNS names. The caller has checked that the workload owns them. */
  readonly dnsNames?: readonly string[]
}

/** A workload's X.509-SVID (X509-SVID §2, §4): one URI, for clients and servers. */
export function workloadTemplate({ spiffeId, dnsNames = [], ...validity }: WorkloadInput): CertificateTemplate {
  const uri = formatSpiffeId(spiffeId)
  if (parseSpiffeId(uri) === undefined) {
    throw new CertificateError('ERR_CERTIFICATE_NAME', `not a SPIFFE ID: ${uri}`)
  }
  return {
    ...checkValidity(validity),
    subject: { organization },
    dnsNames: checkDnsNames(dnsNames),
    uris: [uri],
    ca: false,
    usages: ['serverAuth', 'clientAuth'],
  }
}

/** The name of a leaf whose DNS name is longer than a common name may be (X.520: 64 characters). */
const organization = 'Signet'
const maxCommonName = 64
const dnsName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/

function checkDnsNames(dnsNames: readonly string[]): readonly string[] {
  const wrong = dnsNames.find((name) => !dnsName.test(name))
  if (wrong !== undefined) throw new CertificateError('ERR_CERTIFICATE_NAME', `not a DNS name: ${wrong}`)
  return dnsNames
}

function checkValidity({ notBefore, notAfter }: Validity): Validity {
  if (!(notBefore < notAfter))
    throw new CertificateError('ERR_CERTIFICATE_VALIDITY', 'certificate ends before it begins')
  return { notBefore, notAfter }
}

/** Cuts the validity of a template to that of its CA. Throws CertificateError if the two do not overlap. */
export function withinCa(template: CertificateTemplate, ca: Validity): CertificateTemplate {
  return {
    ...template,
    ...checkValidity({
      notBefore: Math.max(template.notBefore, ca.notBefore),
      notAfter: Math.min(template.notAfter, ca.notAfter),
    }),
  }
}
