import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { cacheKey, directoryParts } from '../../tools/cluster/cache-key.ts'

describe('cacheKey', () => {
  it('does not depend on the order of the parts', () => {
    expect(cacheKey({ a: '1', b: '2' })).toBe(cacheKey({ b: '2', a: '1' }))
  })

  it.each([
    [{ a: '1' }, { a: '2' }],
    [{ a: '1' }, { b: '1' }],
    [
      { a: '12', b: '' },
      { a: '1', b: '2' },
    ],
    [{ a: '1', b: '2' }, { a: '1' }],
    [{ a: '1=1:2' }, { a: '1', '1': '2' }],
  ])('tells %j from %j', (left, right) => {
    expect(cacheKey(left as Record<string, string>)).not.toBe(cacheKey(right as Record<string, string>))
  })
})

describe('directoryParts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cache-key-'))
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('names every file by its path, without what is skipped', () => {
    mkdirSync(join(directory, 'src'))
    mkdirSync(join(directory, 'skipped'))
    writeFileSync(join(directory, 'go.mod'), 'module')
    writeFileSync(join(directory, 'src/main.go'), 'package')
    writeFileSync(join(directory, 'skipped/file'), 'x')
    const parts = directoryParts(directory, (path) => path === 'skipped')
    expect(Object.keys(parts).sort()).toEqual(['go.mod', 'src/main.go'])
    expect(parts['src/main.go']?.toString()).toBe('package')
  })
})
