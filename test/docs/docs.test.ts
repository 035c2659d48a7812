import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { root } from '../../scripts/run.ts'
import { parseRedisUrl } from '../../src/authority/shared-cache/redis/redis-url.ts'
import { parseKeyEncryptionKeys } from '../../src/keys/key-ring/encryption.ts'
import { Reason } from '../../src/policy/reasons.ts'
import { pages, read } from '../builders/markdown.ts'

describe('the documentation', () => {
  it.each(pages)('%s names only npm scripts that exist', (page) => {
    const scripts = [...read(page).matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script ?? '')
    expect(scripts.filter((script) => !(script in packageJson.scripts))).toEqual([])
  })

  it('names only measurements and soak tests that exist', () => {
    const [, measurements = ''] = /measurements: .*= \{\n([\s\S]*?)\n\}/.exec(read('bench/measurements.ts')) ?? []
    const [, soaks = ''] = /soaks: .*= \{(.*)\}/.exec(read('test/soak/arguments.ts')) ?? []
    const named = (script: string) =>
      pages.flatMap((page) => [...read(page).matchAll(new RegExp(`npm run ${script} -- ([a-z]+)`, 'g'))])
    for (const [script, known] of Object.entries({ bench: measurements, soak: soaks })) {
      const names = named(script).map(([, name]) => name ?? '')
      expect(names.length).toBeGreaterThan(2)
      expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(known))).toEqual([])
    }
  })

  it('shows in the README the very identity that the tests apply', () => {
    const [, block = ''] = /```yaml\n([\s\S]*?)```/.exec(read('README.md')) ?? []
    expect(load(block)).toEqual(load(read('examples/first-identity.yaml')))
  })

  it('shows both commands and the picture in the first screen of the README', () => {
    const screen = read('README.md').split('\n').slice(0, 20).join('\n')
    expect(screen).toContain('](docs/design/architecture.svg)')
    expect(screen).toContain('npm run demo')
    expect(screen).toContain('npm test')
  })

  it('explains every reason that a condition of a ServiceIdentity can have', () => {
    const source = read('src/policy/reasons.ts')
    const [, conditions = '', pods = ''] =
      /\/\/ conditions\n([\s\S]*?)\/\/ pods\n([\s\S]*?)\} as const/.exec(source) ?? []
    const reasons = [...`${conditions}${pods} KeyRingUnusable:`.matchAll(/(\w+):/g)].map(([, reason]) => reason ?? '')
    const page = read('docs/operate/conditions.md')
    expect(reasons.length).toBeGreaterThan(10)
    expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([])
  })

  it('explains every reason that the condition of a TokenRevocation can have', () => {
    const [, own = ''] = /\/\/ revocations\n([\s\S]*?)\/\/ conditions\n/.exec(read('src/policy/reasons.ts')) ?? []
    const reasons = [...`${own} Revoked: IdentityMissing:`.matchAll(/(\w+):/g)].map(([, reason]) => reason ?? '')
    expect(reasons.length).toBeGreaterThan(5)
    expect(reasons.filter((reason) => !read('docs/operate/revocation.md').includes(`| \`${reason}\` |`))).toEqual([])
  })

  it('explains every reason why keys are blocked or were restored', () => {
    const reasons = Object.values(Reason).filter((reason) => /^Key(Ring|Encryption)/.test(reason))
    expect(reasons.length).toBeGreaterThan(3)
    expect(reasons.filter((reason) => !read('docs/operate/conditions.md').includes(`\`${reason}\``))).toEqual([])
  })

  it('shows a file of key-encryption keys as it is read', () => {
    const [, block = ''] = /```text\n([\s\S]*?)```/.exec(read('docs/operate/key-rings.md')) ?? []
    expect(parseKeyEncryptionKeys(block).current).toBe('2026-06')
  })

  it('shows only Redis URLs that are read', () => {
    const urls = [...read('docs/operate/redis.md').matchAll(/rediss?(?:\+\w+)?:\/\/[^`\s]+/g)].map(([url]) => url)
    expect(urls.length).toBeGreaterThan(6)
    for (const url of urls) expect(() => parseRedisUrl(url)).not.toThrow()
  })

  it('names every result of a command for Redis', () => {
    const source = read('src/authority/shared-cache/redis/redis-cache.ts')
    const [, results = ''] = /export type CacheResult = (.*)/.exec(source) ?? []
    const names = [...results.matchAll(/'(\w+)'/g)].map(([, name]) => name ?? '')
    expect(names.length).toBeGreaterThan(5)
    expect(names.filter((name) => !read('docs/operate/redis.md').includes(`\`${name}\``))).toEqual([])
  })

  it.each(pages)('%s names only metrics that exist', (page) => {
    const metrics = read('src/telemetry/metrics.ts')
    // A table of renames begins with what a metric was called before.
    const text = read(page).replaceAll(/\| metric \| `signet_\w+` \|/g, '')
    const named = [...text.matchAll(/`(signet_\w+)`/g)].map(([, name]) => name ?? '')
    expect(named.filter((name) => !metrics.includes(`'${name}'`))).toEqual([])
  })

  it('installs the verifier from the file that npm pack writes', () => {
    const file = `${packageJson.name.replace('@', '').replace('/', '-')}-${packageJson.version}.tgz`
    expect(read('docs/guides/verifier.md')).toContain(`/build/release/${file}`)
  })

  it('maps every room of src', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const map = read('src/README.md')
    expect(rooms.filter(({ name }) => !map.includes(`\`${name}/`))).toEqual([])
  })

  it('names in the map only files and folders that exist', () => {
    const [, table = ''] = read('src/README.md').split('## To change X, open Y')
    const named = [...table.matchAll(/`([\w-]+(?:\/[\w-]+)+\/?)`/g)].map(([, path]) => path ?? '')
    const exists = (path: string) =>
      ['', '.ts'].some((end) => [path, `src/${path}`].some((one) => existsSync(join(root, one + end))))
    expect(named.length).toBeGreaterThan(40)
    expect(named.filter((path) => !exists(path))).toEqual([])
  })

  it('states in the map every invariant that a test or a comment names', () => {
    const files = ['src', 'test'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${folder}/${file}`),
    )
    const named = new Set(files.flatMap((file) => read(file).match(/\bI(?:[1-9]|10)\b(?=[:,) ])/g) ?? []))
    const map = read('src/README.md')
    expect(named.size).toBeGreaterThan(8)
    expect([...named].filter((name) => !map.includes(`- ${name} `))).toEqual([])
  })
})
