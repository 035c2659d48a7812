import { describe, expect, it } from 'vitest'
import { subjectOf } from '../../tools/cluster/pki.ts'

describe('subjectOf', () => {
  it('names groups before the user and escapes what separates the parts', () => {
    expect(subjectOf('a/b', ['system:masters', 'x+y'])).toBe(String.raw`/O=system:masters/O=x\+y/CN=a\/b`)
  })
})
