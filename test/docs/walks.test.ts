import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../source-tree.ts'

const design = join(root, 'docs/design')
const walks = readdirSync(design).filter((name) => /^walk-.*\.md$/.test(name))

/** The files that a walk names, as `src/room/file.ts` or by their name alone, in reading order. */
function filesOf(walk: string): string[] {
  const text = readFileSync(join(design, walk), 'utf8')
  const named = [...text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.ts)`/g)].map(([, file = '']) => file)
  const paths = named.filter((file) => file.includes('/'))
  return named.map((file) => paths.find((path) => path === file || path.endsWith(`/${file}`)) ?? file)
}

it('there is a walk to check', () => {
  expect(walks).not.toEqual([])
})

describe.each(walks)('docs/design/%s', (walk) => {
  it('names files that exist', () => {
    expect(filesOf(walk).filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  it('visits no file more than twice', () => {
    const visits = new Map<string, number>()
    for (const file of filesOf(walk)) visits.set(file, (visits.get(file) ?? 0) + 1)
    expect(visits.size).toBeGreaterThan(5)
    expect([...visits].filter(([, count]) => count > 2)).toEqual([])
  })

  it('numbers its stops without a gap', () => {
    const text = readFileSync(join(design, walk), 'utf8')
    const numbers = [...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })
})
