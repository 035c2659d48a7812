import { describe, expect, it } from 'vitest'
import { decodeToken } from '../../src/tokens/decode.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../builders/token.ts'

describe('decodeToken', () => {
  it('I3: shows header and claims, and never the signature', async () => {
    const token = await makeToken()
    const decoded = decodeToken(token)
    expect(decoded.header).toEqual({ alg: 'ES256', kid: keys.ES256.keyID, typ: 'JWT' })
    expect(decoded.claims).toMatchObject({ sub: subject, jti: 'token-1' })
    expect(Object.keys(decoded)).toEqual(['header', 'claims'])
    expect(JSON.stringify(decoded)).not.toContain(token.split('.')[2])
  })

  it('shows what an unverifiable token says', async () => {
    const token = await makeToken({ header: { alg: 'none', kid: undefined } })
    expect(decodeToken(token).header).toEqual({ alg: 'none', typ: 'JWT' })
  })

  it('refuses what is not a token', () => {
    expect(() => decodeToken('not.a.token')).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_MALFORMED' }))
  })
})
