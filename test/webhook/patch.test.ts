import { describe, expect, it } from 'vitest'
import { applyPatch, escapePointer, type PatchOperation } from '../../src/webhook/patch.ts'

const document = () => ({ list: [1, 2], empty: [], object: { 'a/b': 1, 'c~d': { e: null } }, nothing: null })

function applied(...operations: readonly PatchOperation[]) {
  const target = document()
  applyPatch(target, operations)
  return target
}

describe('applyPatch', () => {
  it('adds to lists and objects as RFC 6902 §4.1 says', () => {
    expect(applied({ op: 'add', path: '/list/0', value: 0 }).list).toEqual([0, 1, 2])
    expect(applied({ op: 'add', path: '/list/2', value: 3 }).list).toEqual([1, 2, 3])
    expect(applied({ op: 'add', path: '/list/-', value: 3 }).list).toEqual([1, 2, 3])
    expect(applied({ op: 'add', path: '/empty/0', value: 3 }).empty).toEqual([3])
    expect(applied({ op: 'add', path: '/nothing', value: [] }).nothing).toEqual([])
    expect(applied({ op: 'add', path: '/new', value: 1 })).toHaveProperty('new', 1)
  })

  it('replaces what is there', () => {
    expect(applied({ op: 'replace', path: '/list/1', value: 9 }).list).toEqual([1, 9])
    expect(applied({ op: 'replace', path: '/object/a~1b', value: 9 }).object['a/b']).toBe(9)
    expect(applied({ op: 'replace', path: '/object/c~0d/e', value: 9 }).object['c~d'].e).toBe(9)
  })

  it('works on what earlier operations made', () => {
    const { empty } = applied(
      { op: 'add', path: '/empty/0', value: { env: [] } },
      { op: 'add', path: '/empty/0/env/0', value: 'x' },
    )
    expect(empty).toEqual([{ env: ['x'] }])
  })

  const wrong: readonly PatchOperation[] = [
    { op: 'add', path: '/absent/0', value: 1 },
    { op: 'add', path: '/nothing/0', value: 1 },
    { op: 'add', path: '/list/3', value: 1 },
    { op: 'add', path: '/list/01', value: 1 },
    { op: 'add', path: '/list/x', value: 1 },
    { op: 'add', path: '/list/-/x', value: 1 },
    { op: 'replace', path: '/list/2', value: 1 },
    { op: 'replace', path: '/list/-', value: 1 },
    { op: 'replace', path: '/absent', value: 1 },
    { op: 'replace', path: '/toString', value: 1 },
    { op: 'add', path: '/toString/x', value: 1 },
    { op: 'add', path: '/__proto__/x', value: 1 },
    { op: 'add', path: '/object/__proto__', value: { polluted: true } },
    { op: 'add', path: '/object/a/b', value: 1 },
    { op: 'add', path: '', value: 1 },
    { op: 'add', path: 'list/0', value: 1 },
  ]
  for (const operation of wrong) {
    it(`throws where ${operation.op} of "${operation.path}" does not apply`, () => {
      expect(() => applied(operation)).toThrow(TypeError)
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    })
  }
})

describe('escapePointer', () => {
  it('writes names as RFC 6901 §3 says', () => {
    expect(escapePointer('signet.dev/injected')).toBe('signet.dev~1injected')
    expect(escapePointer('~1/')).toBe('~01~1')
  })
})
