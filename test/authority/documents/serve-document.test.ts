import { describe, expect, it } from 'vitest'
import { acceptsGzip } from '../../../src/authority/documents/serve-document.ts'

describe('acceptsGzip', () => {
  it.each([
    'gzip',
    'GZIP',
    'x-gzip',
    'br, gzip',
    'gzip;q=0.1',
    'deflate , gzip ; q=1.0',
    '*',
    '*;q=0.5, identity',
    'gzip, *;q=0',
    'gzip;q=0.001',
  ])('takes "%s" for yes', (header) => {
    expect(acceptsGzip(header)).toBe(true)
  })

  it.each([undefined, '', 'identity', 'br', 'gzip;q=0', 'gzip; q=0.000', '*;q=0', '*, gzip;q=0', 'gzipped', 'deflate'])(
    'takes "%s" for no',
    (header) => {
      expect(acceptsGzip(header)).toBe(false)
    },
  )
})
