import { parseSpiffeId, type SpiffeId, formatSpiffeId } from '../identity/spiffe-id.ts'
import { isTrustDomain } from '../identity/trust-domain.ts'
import { CertificateError } from './pem.ts'

/** From when to when, in milliseconds since the epoch; certificates say whole seconds. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** What a certificate will say, without keys, serial number and signature. */
export interface CertificateTemplate extends Validity {
  readonly subject: { readonly commonName?: string; readonly organization?: string }
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  readonly authority: boolean
  readonly usages: readonly ('serverAuth' | 'clientAuth')[]
}

export interface AuthorityInput extends Validity {
  readonly commonName: string
  readonly trustDomain: string
}

/**
 * The trust domain's certificate authority: self-signed, its URI the trust domain's own SPIFFE ID (X509-SVID §2, §4.2).
 * It signs leaves only.
 */
export function authorityTemplate({ commonName, trustDomain, ...validity }: AuthorityInput): CertificateTemplate {
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
    authority: true,
    usages: [],
  }
}

export interface ServingInput extends Validity {
  readonly dnsNames: readonly string[]
}

/** The certificate of an HTTPS server: DNS names, and no URI, so that it is nobody's SVID. */
export function servingTemplate({ dnsNames, ...validity }: ServingInput): CertificateTemplate {
  const [first] = checkDnsNames(dnsNames)
  if (first === undefined) throw new CertificateError('ERR_CERTIFICATE_NAME', 'serving certificate has no DNS name')
  return {
    ...checkValidity(validity),
    subject: first.length > maxCommonName ? { organization } : { commonName: first },
    dnsNames,
    uris: [],
    authority: false,
    usages: ['serverAuth'],
  }
}

export interface WorkloadInput extends Validity {
  readonly spiffeId: SpiffeId
  /** DNS names besides. The caller has made sure that they are the workload's own. */
  readonly dnsNames?: readonly string[]
}

/** A workload's X.509-SVID (X509-SVID §2, §4): one URI, client and server. */
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
    authority: false,
    usages: ['serverAuth', 'clientAuth'],
  }
}

/** What may be in a leaf's name where a DNS name does not fit (X.520: 64 characters). */
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

/** A template that lies within what its authority is valid for. Throws where the two do not meet. */
export function withinAuthority(template: CertificateTemplate, authority: Validity): CertificateTemplate {
  return {
    ...template,
    ...checkValidity({
      notBefore: Math.max(template.notBefore, authority.notBefore),
      notAfter: Math.min(template.notAfter, authority.notAfter),
    }),
  }
}
