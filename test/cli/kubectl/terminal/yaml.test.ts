import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { toYaml } from '../../../../src/cli/kubectl/terminal/yaml.ts'

describe('toYaml', () => {
  it('writes what reads back as the same, times and booleans in text among it', () => {
    const object = { a: '2026-01-02T03:04:05Z', b: 'true', c: [1, { d: 'x: y' }], e: 'l\n', f: '\u001B' }
    expect(load(toYaml(object))).toEqual(object)
  })

  it('folds no long line', () => {
    const text = 'word '.repeat(60).trim()
    expect(toYaml({ message: text })).toBe(`message: ${text}\n`)
  })

  it('has no anchors where the same object stands twice', () => {
    const same = { a: 1 }
    expect(toYaml({ k: same, l: same })).toBe('k:\n  a: 1\nl:\n  a: 1\n')
  })
})
