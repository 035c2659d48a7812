import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { certificatesOfPem, encodePem, splitPem } from '../../src/certificates/pem.ts'

describe('encodePem', () => {
  it('is read back as the same bytes, alone and among others', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 4 }), (all) => {
        const pems = all.map((der) => encodePem('CERTIFICATE', der))
        expect(certificatesOfPem(pems.join('text between\n'))).toEqual(all)
        expect(splitPem(pems.join(''))).toEqual(pems)
      }),
    )
  })

  it('writes lines as OpenSSL does (RFC 7468 §2)', () => {
    const pem = execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        '/dev/null',
        '-subj',
        '/CN=x',
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
    expect(splitPem(pem)).toEqual([pem])
  })
})
