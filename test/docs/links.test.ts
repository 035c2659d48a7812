import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../../scripts/run.ts'
import { anchorsOf, linksOf, pages, read } from '../builders/markdown.ts'

describe('links', () => {
  it.each(pages)('of %s lead to files and headings that exist', (page) => {
    const dead = linksOf(read(page)).filter(({ path, anchor }) => {
      const target = path === '' ? page : normalize(join(dirname(page), path))
      if (!existsSync(join(root, target))) return true
      return anchor !== '' && target.endsWith('.md') && !anchorsOf(read(target)).has(anchor)
    })
    expect(dead).toEqual([])
  })

  it('are found as a forge finds them', () => {
    const text =
      '# A `b`: c_d, e\n\n# A b c_d e\n\n```sh\n# no heading [x](y)\n```\n\n[one](a.md#b) `[two](c)` ![three](d.svg)\n'
    expect(linksOf(text)).toEqual([
      { path: 'a.md', anchor: 'b' },
      { path: 'd.svg', anchor: '' },
    ])
    expect([...anchorsOf(text)]).toEqual(['a-b-c_d-e', 'a-b-c_d-e-1'])
  })

  it('reach every page of docs/ from its index, and the index from the README', () => {
    const all = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
    const reached = new Set(linksOf(read('docs/README.md')).map(({ path }) => normalize(join('docs', path))))
    expect(all.length).toBeGreaterThan(15)
    expect(all.filter((page) => !reached.has(page))).toEqual([])
    expect(linksOf(read('README.md'))).toContainEqual({ path: 'docs/README.md', anchor: '' })
  })
})
