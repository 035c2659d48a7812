import { createHash } from 'node:crypto'
import { components, managedLabels } from '../../api/v1alpha1/metadata.ts'
import {
  type CaLifetimes,
  type CaSet,
  caSetChangesAt,
  decideCaSet,
  decodeCaSet,
  encodeCaSet,
  withNewCa,
} from '../../certificates/ca-set.ts'
import { createCertificateAuthority } from '../../certificates/issue.ts'
import type { Clock } from '../../time/clock.ts'
import { MINUTE } from '../../time/duration.ts'
import { type Secret, secretText, secretValue } from '../../kube/secrets/secret-codec.ts'
import type { OwnSecrets } from './own-secrets.ts'

const caSecretName = 'signet-ca'
const setKey = 'ca-set.json'
/** The trust bundle in PEM, for users and mounts. */
const bundleKey = 'ca.crt'

interface CaSecretOptions {
  readonly secrets: OwnSecrets
  readonly namespace: string
  readonly trustDomain: string
  readonly lifetimes: CaLifetimes
  readonly clock: Clock
}

/** The Secret with the CAs of the trust domain: created once, then changed by compare-and-swap. */
export class CaSecret {
  readonly #options: CaSecretOptions

  constructor(options: CaSecretOptions) {
    this.#options = options
  }

  /** The stored trust bundle in PEM; undefined until it exists. */
  bundle(): string | undefined {
    const secret = this.#find()
    return secret === undefined ? undefined : secretText(secret, bundleKey)
  }

  /** Brings the set of CAs to the state that the clock asks for. */
  async reconcile(signal: AbortSignal): Promise<{ set: CaSet; lookAgainAt: number | undefined; changed: boolean }> {
    const { clock, lifetimes, secrets } = this.#options
    const now = clock.now()
    const secret = this.#find()
    const text = secret === undefined ? undefined : secretText(secret, setKey)
    const stored = text === undefined ? { slots: [] } : decodeCaSet(text)
    const step = decideCaSet(stored, lifetimes, now)
    const set = step.needsSuccessor ? await this.#add(step.set, now) : step.set
    const lookAgainAt = caSetChangesAt(set, lifetimes, now)
    if (step.unchanged && this.bundle() === bundleOf(set)) return { set, lookAgainAt, changed: false }
    const wanted = this.#secret(set, secret)
    await secrets.write(wanted, secret, signal)
    return { set, lookAgainAt, changed: true }
  }

  #find(): Secret | undefined {
    return this.#options.secrets.find(caSecretName)
  }

  async #add(set: CaSet, now: number): Promise<CaSet> {
    const { trustDomain, lifetimes } = this.#options
    const validity = { notBefore: now - 5 * MINUTE, notAfter: now + lifetimes.ca }
    const commonName = `Signet ${trustDomain}`
    const { certificatePem, privateKeyPem } = await createCertificateAuthority({ commonName, trustDomain, ...validity })
    const keyID = createHash('sha256').update(certificatePem).digest('hex').slice(0, 40)
    return withNewCa(set, { keyID, certificatePem, privateKeyPem, ...validity }, lifetimes, now)
  }

  #secret(set: CaSet, previous: Secret | undefined): Secret {
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        ...previous?.metadata,
        name: caSecretName,
        namespace: this.#options.namespace,
        labels: { ...previous?.metadata.labels, ...managedLabels(components.certificateAuthority) },
      },
      type: 'signet.dev/certificate-authority',
      data: { [setKey]: secretValue(encodeCaSet(set)), [bundleKey]: secretValue(bundleOf(set)) },
    }
  }
}

function bundleOf({ slots }: CaSet): string {
  return slots.map(({ certificatePem }) => `${certificatePem.trim()}\n`).join('')
}
