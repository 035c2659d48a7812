import { describe, expect, it } from 'vitest'
import { serializeJwks } from '../../../src/keys/jwks.ts'
import { generateSigningKey } from '../../../src/keys/signing-key.ts'
import { publishedKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { maxSlots } from '../../../src/rotation/slots.ts'

const configMap = (text: string) => ({ metadata: { name: 'signet-jwks.a.b' }, data: { 'jwks.json': text } })

describe('the published keys of an identity', () => {
  it('are read back from the largest ring there is', async () => {
    const subject = `spiffe://${'t'.repeat(200)}/ns/${'n'.repeat(63)}/sa/${'s'.repeat(177)}`
    const { publicJwk } = await generateSigningKey('RS256', subject)
    const keys = Array.from({ length: maxSlots + 1 }, (_, index) => ({
      ...publicJwk,
      kid: `${index}`.padStart(43, 'k'),
    }))
    expect(publishedKeys(configMap(serializeJwks(keys)))).toHaveLength(maxSlots + 1)
  })

  it('are none where the ConfigMap holds anything else', () => {
    expect(publishedKeys({ metadata: { name: 'x' } })).toBeUndefined()
    expect(publishedKeys(configMap('{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'))).toBeUndefined()
  })
})
