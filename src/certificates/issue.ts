import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts'
import { CertificateError, certificatesOfPem, encodePem } from './pem.ts'
import {
  type CaInput,
  caTemplate,
  type CertificateTemplate,
  type ServingInput,
  servingTemplate,
  type WorkloadInput,
  withinCa,
  workloadTemplate,
} from './template.ts'
import { certificateInfo, certificateProblem } from './validate.ts'

/** A certificate with its private key. The trust bundle is all that is needed to verify the certificate. */
export interface IssuedCertificate {
  readonly certificatePem: string
  /** PKCS #8, P-256. */
  readonly privateKeyPem: string
}

interface FromCa {
  readonly ca: IssuedCertificate
}

/** Creates a self-signed CA of a trust domain. Throws CertificateError. */
export async function createCertificateAuthority(input: CaInput): Promise<IssuedCertificate> {
  const template = caTemplate(input)
  const keys = await generateKeys()
  return sign({ template, keys, signingKey: keys.privateKey })
}

/**
 * Issues the certificate of an HTTPS server with a new key. Its validity is cut to that of the CA. Throws
 * CertificateError.
 */
export async function issueServingCertificate({ ca, ...input }: ServingInput & FromCa): Promise<IssuedCertificate> {
  return issue(servingTemplate(input), ca)
}

/**
 * Issues a workload's X.509-SVID with a new key, within the CA's validity and trust domain. Throws CertificateError.
 */
export async function issueWorkloadCertificate({ ca, ...input }: WorkloadInput & FromCa): Promise<IssuedCertificate> {
  const { uris } = certificateInfo(ca.certificatePem)
  if (!uris.includes(`spiffe://${input.spiffeId.trustDomain}`)) {
    throw new CertificateError('ERR_CERTIFICATE_CA', `the CA is not of trust domain ${input.spiffeId.trustDomain}`)
  }
  return issue(workloadTemplate(input), ca)
}

async function issue(template: CertificateTemplate, ca: IssuedCertificate): Promise<IssuedCertificate> {
  const bounded = withinCa(template, certificateInfo(ca.certificatePem))
  const issued = await sign({
    template: bounded,
    keys: await generateKeys(),
    signingKey: readPrivateKey(ca.privateKeyPem),
    issuer: new X509Certificate(certificatesOfPem(ca.certificatePem)[0] ?? Buffer.alloc(0)),
  })
  // An issued certificate is checked as strictly as a stored one.
  const { notBefore: now, dnsNames, uris } = bounded
  const problem = certificateProblem({ ...issued, trustBundle: ca.certificatePem, now, dnsNames, uris })
  if (problem !== undefined)
    throw new CertificateError('ERR_CERTIFICATE_CA', `issued certificate is not valid: ${problem}`)
  return issued
}

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const generate = promisify(generateKeyPair)
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

function generateKeys(): Promise<KeyPair> {
  return generate('ec', { namedCurve: algorithm.namedCurve })
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The cause may quote the key, so it is left out (I3).
    throw new CertificateError('ERR_CERTIFICATE_CA', 'the CA has no usable private key')
  }
}

interface SignInput {
  readonly template: CertificateTemplate
  readonly keys: KeyPair
  readonly signingKey: KeyObject
  /** Absent for a self-signed certificate. */
  readonly issuer?: X509Certificate
}

async function sign({ template, keys, signingKey, issuer }: SignInput): Promise<IssuedCertificate> {
  const { subject, notBefore, notAfter } = template
  const publicKey = new PublicKey(keys.publicKey.export({ type: 'spki', format: 'der' }))
  const name = [
    ...(subject.organization === undefined ? [] : [{ O: [subject.organization] }]),
    ...(subject.commonName === undefined ? [] : [{ CN: [subject.commonName] }]),
  ]
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: name,
    issuer: issuer?.subjectName.toJSON() ?? name,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey,
    signingKey: signingKey.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: { ...algorithm, hash: 'SHA-256' },
    extensions: await extensionsOf(template, publicKey, issuer),
  })
  return {
    certificatePem: encodePem('CERTIFICATE', Buffer.from(certificate.rawData)),
    privateKeyPem: encodePem('PRIVATE KEY', keys.privateKey.export({ type: 'pkcs8', format: 'der' })),
  }
}

/** A positive number of 16 bytes with 126 random bits (RFC 5280 §4.1.2.2 allows 20 bytes). */
function newSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function extensionsOf(
  template: CertificateTemplate,
  publicKey: PublicKey,
  issuer: X509Certificate | undefined,
): Promise<Extension[]> {
  const { ca, dnsNames, uris, usages } = template
  const { keyCertSign, cRLSign, digitalSignature } = KeyUsageFlags
  return [
    ca ? new BasicConstraintsExtension(true, 0, true) : new BasicConstraintsExtension(false, undefined, true),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- flags of one enum, combined
    new KeyUsagesExtension(ca ? keyCertSign | cRLSign : digitalSignature, true),
    ...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension(usages.map((usage) => ExtendedKeyUsage[usage]))]),
    new SubjectAlternativeNameExtension([
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...uris.map((value) => ({ type: 'url' as const, value })),
    ]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    ...(issuer === undefined ? [] : [await AuthorityKeyIdentifierExtension.create(issuer.publicKey)]),
  ]
}
