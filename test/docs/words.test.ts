import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../../scripts/run.ts'
import { read } from '../builders/markdown.ts'

/** Files and folders whose sentences are checked. */
const checked = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'CODE_OF_CONDUCT.md',
  'SECURITY.md',
  '.github',
  'bench',
  'charts',
  'crds',
  'docs',
  'examples',
  'scripts',
  'src',
  'test/README.md',
  'tools',
]

/** Phrases that make a reader search for the subject; CONTRIBUTING.md says how to write instead. */
const phrases =
  /\bwhoever\b|\bwhat is (?:none|no\s)|\bone of ours\b|\btold of\b|\blooked at\b|\bsomebody\b|\bas it is\b/gi

const textFile = /\.(?:go|json|md|mjs|py|svg|tpl|ts|txt|ya?ml)$/

function filesOf(name: string): string[] {
  if (!statSync(join(root, name)).isDirectory()) return [name]
  return readdirSync(join(root, name), { recursive: true, encoding: 'utf8' })
    .filter((file) => textFile.test(file))
    .map((file) => `${name}/${file}`)
}

it.each(checked)('%s names its subjects', (name) => {
  const files = filesOf(name)
  expect(files.length).toBeGreaterThan(0)
  const found = files.flatMap((file) => {
    const text = read(file)
    return [...text.matchAll(phrases)].map(({ 0: phrase, index }) => {
      return `${file}:${text.slice(0, index).split('\n').length}: ${phrase}`
    })
  })
  expect(found).toEqual([])
})

it('the search ignores case, and parts of words', () => {
  const hits = (text: string) => [...text.matchAll(phrases)].length
  expect(hits('Whoever asks; somebody else.')).toBe(2)
  expect(hits('what is no token, what is none')).toBe(2)
  expect(hits('what is not known; what is noted; as it issues')).toBe(0)
})
