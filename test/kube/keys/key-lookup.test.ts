import { beforeEach, describe, expect, it } from 'vitest'
import { theAuthority } from '../../../src/identity/key-owner.ts'
import { keyLookup } from '../../../src/kube/keys/key-lookup.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { silentLogger } from '../../../src/logger.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const namespace = 'signet-system'
const orders = { namespace: 'shop', name: 'orders' }
const { kid } = keys.EdDSA.publicJwk

let client: MemoryKubeClient
let look: ReturnType<typeof keyLookup>

beforeEach(async () => {
  client = createMemoryKubeClient()
  look = keyLookup({ client, namespace, logger: silentLogger })
  await publish(orders, keys.ES256)
})

async function publish(owner: Parameters<ConfigMapPublicKeyStore['put']>[0], key: typeof keys.ES256): Promise<void> {
  const store = new ConfigMapPublicKeyStore({ client, store: new Store<ConfigMap>(), namespace })
  await store.put(owner, undefined, { keys: [key.publicJwk], uid: 'uid-1', ringVersion: undefined })
}

describe('a look for a key', () => {
  it('finds it with the identity', async () => {
    expect(await look(orders, keys.ES256.publicJwk.kid)).toBe('present')
  })

  it('finds one that the authority signs with, for whichever identity', async () => {
    expect(await look(orders, kid)).toBe('absent')
    await publish(theAuthority, keys.EdDSA)
    expect(await look(orders, kid)).toBe('present')
    expect(await look({ namespace: 'shop', name: 'stranger' }, kid)).toBe('present')
  })

  it('does not find that of another identity, nor any where nothing is published', async () => {
    await publish({ namespace: 'shop', name: 'payments' }, keys.EdDSA)
    expect(await look(orders, kid)).toBe('absent')
    expect(await look({ namespace: 'shop', name: 'stranger' }, kid)).toBe('absent')
  })

  it('cannot tell where what is published cannot be read', async () => {
    const name = 'signet-jwks.shop.orders'
    const live = (await client.get<ConfigMap>(resources.configMaps, { namespace, name })) as ConfigMap
    await client.replace(resources.configMaps, { ...live, data: { 'jwks.json': '{' } })
    expect(await look(orders, kid)).toBe('unknown')
    await publish(theAuthority, keys.EdDSA)
    expect(await look(orders, kid)).toBe('present')
  })

  it('cannot tell where the API server cannot be asked', async () => {
    client.failOnce('get', resources.configMaps, { status: 503, reason: 'ServiceUnavailable' })
    expect(await look(orders, kid)).toBe('unknown')
    expect(await look(orders, kid)).toBe('absent')
  })
})
