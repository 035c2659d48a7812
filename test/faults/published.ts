import { expect } from 'vitest'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { effectiveSigningKey } from '../../src/api/v1alpha1/defaults.ts'
import { theAuthority } from '../../src/identity/key-owner.ts'
import { keyRingSecretName } from '../../src/identity/workload.ts'
import type { KeyRing } from '../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing } from '../../src/keys/key-ring/codec.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { KubeError } from '../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type ConfigMap, publishedKeys } from '../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'

const namespace = 'signet-system'
const authorityRing = keyRingSecretName(theAuthority)
const issuer = `https://signet-authority.${namespace}.svc`

/** Everything that identities have in the cluster at one moment, read past every cache of the controller. */
export interface Published {
  readonly tokens: ReadonlyMap<string, string>
  readonly keys: ReadonlyMap<string, PublicJwk>
  /** Of identities, by the name of the Secret. */
  readonly rings: ReadonlyMap<string, KeyRing>
  /** The authority's own. */
  readonly authority: KeyRing | undefined
}

/**
 * Reads what is published first and what is mounted last, so that a key that goes meanwhile is not missed. Of the
 * workload Secrets only those that belong to one of these uids count: what an identity leaves behind waits for Kubernetes'
 * garbage collector, which does not run here.
 */
async function readPublished(client: KubeClient, owners: ReadonlySet<string>): Promise<Published> {
  const ours = { labelSelector: 'app.kubernetes.io/managed-by=signet' }
  const configMaps = await client.list<ConfigMap>(resources.configMaps, { namespace, ...ours })
  const secrets = await client.list<Secret>(resources.secrets, ours)
  const keys = configMaps.items.flatMap((configMap) => publishedKeys(configMap) ?? [])
  const tokens: [string, string][] = []
  const rings = new Map<string, KeyRing>()
  for (const secret of secrets.items) {
    const { name, namespace: where = '', ownerReferences = [] } = secret.metadata
    if (secret.type === 'signet.dev/key-ring') rings.set(name, decodeKeyRing(secretText(secret, 'ring.json') ?? ''))
    if (!ownerReferences.some(({ uid }) => owners.has(uid))) continue
    for (const file of Object.keys(secret.data ?? {}).filter((one) => one.endsWith('.jwt'))) {
      tokens.push([`${where}/${name}/${file}`, secretText(secret, file) ?? ''])
    }
  }
  const authority = rings.get(authorityRing)
  rings.delete(authorityRing)
  return { tokens: new Map(tokens), keys: new Map(keys.map((key) => [key.kid, key])), rings, authority }
}

/** Watches over I1, I2 and I4 while a test does its worst: each look is compared with all looks before. */
export class Witness {
  readonly #client: KubeClient
  readonly #everSeen = new Map<string, string>()
  readonly #least: number

  /** `leastLeft`: milliseconds that every mounted token must have left; two minutes unless the test says otherwise. */
  constructor(client: KubeClient, leastLeft = 120_000) {
    this.#client = client
    this.#least = leastLeft
  }

  /** Throws where an invariant does not hold now. */
  async look(): Promise<Published> {
    const identities = await this.#identities()
    const published = await readPublished(this.#client, new Set(identities.map(({ metadata }) => metadata.uid ?? '')))
    const { tokens, keys, rings, authority } = published
    const now = Date.now()
    for (const [file, token] of tokens) {
      const { claims } = verifyTokenSync(token, { keys: (kid) => keys.get(kid), issuer, audience: undefined, now })
      expect(claims.exp * 1000 - now, `I2: time left of ${file}`).toBeGreaterThan(this.#least)
    }
    for (const [kid, key] of keys) {
      const text = JSON.stringify(key)
      expect(text, `I4: key ${kid} has always been the same`).toBe(this.#everSeen.get(kid) ?? text)
      this.#everSeen.set(kid, text)
    }
    for (const [name, { slots }] of rings) this.#ring(name, slots, identities)
    if (authority !== undefined) this.#ring(authorityRing, authority.slots, [])
    return published
  }

  async #identities(): Promise<readonly ServiceIdentity[]> {
    try {
      return (await this.#client.list<ServiceIdentity & KubeObject>(resources.serviceIdentities)).items
    } catch (error) {
      // Without the CRD there are none.
      if (error instanceof KubeError && error.isNotFound) return []
      throw error
    }
  }

  #ring(name: string, slots: KeyRing['slots'], identities: readonly ServiceIdentity[]): void {
    expect(slots.filter(({ state }) => state === 'Active').length, `one active key in ${name}`).toBe(1)
    const owner = identities.find(({ metadata }) => name === `signet-keys.${metadata.namespace ?? ''}.${metadata.name}`)
    if (owner === undefined) return
    const { publishAhead } = effectiveSigningKey(owner.spec)
    for (const { keyID, activeAt, publishedAt, urgent } of slots) {
      if (activeAt === undefined || urgent === true) continue
      expect(activeAt - (publishedAt ?? activeAt), `I4: ${keyID} was published ahead`).toBeGreaterThanOrEqual(
        publishAhead,
      )
    }
  }
}
