import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import type { CallerAuthenticator, PresentedCredentials } from '../../../src/authority/callers/caller.ts'
import { callerOf } from '../../../src/authority/callers/form-credentials.ts'
import { form } from '../../fakes/callers.ts'

/** A TLS connection, as far as its client certificate is read. */
class Connection extends Socket {
  readonly authorized: boolean
  readonly #certificate: { readonly raw?: Uint8Array }

  constructor(authorized: boolean, raw?: Uint8Array) {
    super()
    this.authorized = authorized
    this.#certificate = raw === undefined ? {} : { raw }
  }

  getPeerCertificate(): { readonly raw?: Uint8Array } {
    return this.#certificate
  }
}

const raw = new Uint8Array([1, 2, 3])

it.each([
  ['a verified certificate', new Connection(true, raw), raw],
  ['a certificate that was not verified', new Connection(false, raw), undefined],
  ['no certificate', new Connection(true), undefined],
  ['no TLS', new Socket(), undefined],
])('authenticates a form by its credentials and by its connection, with %s', async (_, connection, expected) => {
  const seen: PresentedCredentials[] = []
  const authenticate = (presented: PresentedCredentials) => {
    seen.push(presented)
    return Promise.reject(new Error('enough'))
  }
  const authenticator: CallerAuthenticator = { authenticate, identify: authenticate }
  const request = { ...form('shop/orders', { client_assertion_type: 'type', client_assertion: 'text' }), connection }
  await expect(callerOf(authenticator, request)).rejects.toThrow('enough')
  expect(seen).toEqual([
    {
      authorization: 'Bearer shop/orders',
      clientAssertionType: 'type',
      clientAssertion: 'text',
      peerCertificate: expected,
    },
  ])
})
