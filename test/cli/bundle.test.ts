import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundleSignet } from '../../scripts/bundle.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-bundle-'))
  await bundleSignet(directory)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** The command's chunk and all that are read with it: what `import` is called for is not. */
async function chunksOf(command: string): Promise<string[]> {
  const files = (await readdir(join(directory, 'chunks'))).filter((file) => file.startsWith(`${command}-`))
  const texts: string[] = []
  for (const file of files) {
    const text = await readFile(join(directory, 'chunks', file), 'utf8')
    texts.push(text)
    for (const [, next = ''] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g))
      if (!files.includes(next)) files.push(next)
  }
  return texts
}

it.each(['authority', 'webhook'])('starts the %s without what reads certificates', async (command) => {
  const texts = await chunksOf(command)
  expect(texts.length).toBeGreaterThan(3)
  expect(texts.filter((text) => text.includes('node_modules/@peculiar/x509'))).toEqual([])
  // The controller, which issues them, shows that it would be found.
  expect((await chunksOf('controller')).join('')).toContain('node_modules/@peculiar/x509')
})

it.each(['authority', 'controller', 'webhook'])(
  'starts the %s without binding the names of node:http',
  async (command) => {
    const text = (await chunksOf(command)).join('\n')
    expect(text).toContain('require("node:http")')
    expect(text).not.toMatch(/(from|import) ?"(node:)?http"/)
  },
)
