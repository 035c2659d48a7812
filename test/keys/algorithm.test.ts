import { describe, expect, it } from 'vitest'
import { defaultAlgorithm } from '../../src/api/v1alpha1/defaults.ts'
import { algorithmParameters, algorithms, isAlgorithm } from '../../src/keys/algorithm.ts'

describe('isAlgorithm', () => {
  it('knows the algorithms of the table and no others', () => {
    expect(algorithms.every(isAlgorithm)).toBe(true)
    expect(Object.keys(algorithmParameters).sort()).toEqual([...algorithms].sort())
    expect(isAlgorithm(defaultAlgorithm)).toBe(true)
    for (const value of [
      'none',
      'HS256',
      'es256',
      'RS384',
      'ES256 ',
      '',
      'constructor',
      undefined,
      null,
      ['ES256'],
      0,
    ]) {
      expect(isAlgorithm(value)).toBe(false)
    }
  })
})
