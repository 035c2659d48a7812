import { describe, expect, it } from 'vitest'
import { mounted, namedTokenFile } from '../../../src/verifier/pod/env.ts'

describe('what a pod finds in its environment', () => {
  it('is what the webhook has put there', () => {
    const environment = { SIGNET_DIR: '/x', SIGNET_TOKEN_FILE: '/x/token', SIGNET_ISSUER: 'https://issuer.example' }
    expect(mounted(environment)).toEqual({
      directory: '/x',
      tokenFile: '/x/token',
      trustBundleFile: '/x/ca.crt',
      issuer: 'https://issuer.example',
    })
  })

  it('is the usual place without, and no issuer', () => {
    expect(mounted({ SIGNET_ISSUER: '' })).toEqual({
      directory: '/var/run/secrets/signet.dev',
      tokenFile: '/var/run/secrets/signet.dev/token',
      trustBundleFile: '/var/run/secrets/signet.dev/ca.crt',
      issuer: undefined,
    })
  })

  it('names the file of a token, and none elsewhere', () => {
    expect(namedTokenFile('/x', 'ledger')).toBe('/x/ledger.jwt')
    for (const name of ['../token', 'a/b', '', 'Ledger', 'a.b', 'a'.repeat(64), 'a\0']) {
      expect(() => namedTokenFile('/x', name)).toThrow(TypeError)
    }
  })
})
