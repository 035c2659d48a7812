import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { circles, exportsOf, importsOf, root, targetOf, typescriptFiles, type Import } from './source-tree.ts'

/** The arrows of src/README.md, executed. Rooms may import themselves and the leaves besides what stands here. */
const pure = ['identity', 'rotation', 'keys', 'tokens', 'certificates']
const arrows: Record<string, readonly string[]> = {
  time: [],
  identity: [],
  rotation: [],
  keys: ['identity', 'rotation'],
  tokens: ['identity', 'keys'],
  certificates: ['identity', 'keys', 'rotation'],
  policy: pure,
  api: ['identity', 'rotation'],
  telemetry: [],
  server: ['telemetry'],
  kube: ['api', 'identity', 'keys', 'tokens', 'certificates', 'telemetry'],
  controller: ['api', 'kube', 'policy', ...pure, 'telemetry'],
  webhook: ['api', 'identity', 'rotation', 'server', 'telemetry'],
  authority: [...pure, 'policy', 'server', 'telemetry'],
  verifier: ['identity', 'keys', 'tokens'],
  cli: ['api', 'kube', 'policy', ...pure, 'telemetry', 'server', 'controller', 'webhook', 'authority'],
}
/** Single files that a room may import although the room itself is closed to it. */
const fileArrows: Record<string, readonly string[]> = {
  webhook: ['tokens/claims.ts', 'keys/algorithm.ts'],
  api: ['tokens/claims.ts', 'keys/algorithm.ts'],
  cli: ['../package.json'],
}
/** Open to every room. `time/` imports no other room. */
const leaves = ['errors.ts', 'json.ts', 'logger.ts', 'time']

/**
 * The arrows between the folders of authority. A POST /token is read in the order oauth, callers, verification, token.
 * authority.ts, the root, may import every folder.
 */
const authorityArrows: Record<string, readonly string[]> = {
  oauth: [],
  'shared-cache': [],
  documents: ['oauth'],
  openapi: ['oauth'],
  callers: ['oauth'],
  verification: ['oauth', 'shared-cache'],
  token: ['oauth', 'callers', 'documents'],
  introspection: ['oauth', 'callers', 'verification'],
  revocation: ['oauth', 'callers', 'verification', 'documents', 'shared-cache'],
}

/** Which rooms open the door to a third-party package or a Node module that reaches outside the process. */
const doors: Record<string, readonly string[]> = {
  '@peculiar/x509': ['certificates'],
  pino: ['telemetry'],
  '@prometheus-io/client': ['telemetry'],
  '@kubernetes/client-node': ['kube'],
  undici: ['kube'],
  'js-yaml': ['kube', 'cli'],
  'lru-cache': ['authority', 'kube', 'tokens', 'webhook'],
  ioredis: ['authority'],
  commander: ['cli'],
  zod: ['cli'],
  'node:http': ['server', 'webhook', 'authority', 'verifier', 'cli'],
  'node:https': ['server', 'verifier', 'cli'],
  'node:tls': ['server', 'kube'],
  'node:net': ['server', 'kube'],
  'node:fs': ['server', 'kube', 'cli'],
  'node:fs/promises': ['server', 'kube', 'verifier', 'cli'],
  'node:child_process': [],
  'node:cluster': [],
}

/** Decisions: no clock, chance, timer, process, file or network of their own. */
const pureFiles = [
  /^identity\//,
  /^rotation\//,
  /^policy\//,
  /^tokens\/claims\.ts$/,
  /^certificates\/template\.ts$/,
  /^webhook\/inject-pod\.ts$/,
  /^api\//,
  /(^|\/)decide\.ts$/,
]
const impure =
  /\b(Date\.now|new Date\(\)|Math\.random|randomBytes|randomUUID|setTimeout|setInterval|setImmediate|performance\.now|fetch\(|process\.)/

const source = join(root, 'src')

const sourceFiles = typescriptFiles('src')
const imports = sourceFiles.flatMap((file) => importsOf('src', file))
const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : 'leaf')
const where = ({ from, line, specifier }: Import): string => `src/${from}:${line} imports ${specifier}`
/** The package, or the Node module, of an import. */
const nameOf = ({ specifier }: Import): string => (specifier.startsWith('node:') ? specifier : packageOf(specifier))
const packageOf = (specifier: string): string =>
  specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? specifier)

/** The lines of a file, those that are comments emptied. */
function codeOf(file: string): string[] {
  const lines = readFileSync(join(source, file), 'utf8').split('\n')
  return lines.map((line) => line.replace(/^\s*(\/\/|\*|\/\*).*$/, ''))
}

describe('architecture', () => {
  it('lets every room import only what the map allows', () => {
    const forbidden = imports.filter((edge) => {
      if (!edge.specifier.startsWith('.')) return false
      const room = roomOf(edge.from)
      const target = targetOf(edge) ?? ''
      const targetRoom = roomOf(target)
      if (leaves.includes(target) || leaves.includes(targetRoom)) return false
      if (targetRoom === 'leaf') return true
      if (room === targetRoom) return false
      return !(arrows[room] ?? []).includes(targetRoom) && !(fileArrows[room] ?? []).includes(target)
    })
    expect(forbidden.map(where)).toEqual([])
  })

  it('has no circles, type imports included', () => {
    const edges = sourceFiles.map((file): [string, string[]] => [
      file,
      imports.filter(({ from }) => from === file).flatMap((edge) => targetOf(edge) ?? []),
    ])
    expect(circles(new Map(edges))).toEqual([])
  })

  it('has no circles between rooms', () => {
    expect(circlesBetween(roomOf)).toEqual([])
  })

  it.each(['authority', 'controller', 'keys', 'kube', 'verifier'])(
    'has no circles between the folders of %s',
    (room) => {
      expect(circlesBetween((file) => (roomOf(file) === room ? dirname(file) : undefined))).toEqual([])
    },
  )

  it('has no circles between the folders of the kubectl plugin', () => {
    expect(circlesBetween((file) => (file.startsWith('cli/kubectl/') ? dirname(file) : undefined))).toEqual([])
  })

  it('lets every folder of authority import only what its arrows allow', () => {
    const folderOf = (file: string): string => file.split('/').slice(1, -1)[0] ?? 'root'
    const between = imports.filter((edge) => {
      const target = targetOf(edge) ?? ''
      return edge.from.startsWith('authority/') && target.startsWith('authority/') && folderOf(edge.from) !== 'root'
    })
    const forbidden = between.filter((edge) => {
      const [from, to] = [folderOf(edge.from), folderOf(targetOf(edge) ?? '')]
      return from !== to && !(authorityArrows[from] ?? []).includes(to)
    })
    expect(forbidden.map(where)).toEqual([])
    // An arrow that no import needs is no longer allowed.
    const needed = between.map((edge) => `${folderOf(edge.from)} ${folderOf(targetOf(edge) ?? '')}`)
    const allowed = Object.entries(authorityArrows).flatMap(([from, targets]) => targets.map((to) => `${from} ${to}`))
    expect(allowed.filter((arrow) => !needed.includes(arrow))).toEqual([])
  })

  it('keeps every folder small enough to take in at a glance', () => {
    const sizes = new Map<string, number>()
    for (const file of sourceFiles) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1)
    expect([...sizes].filter(([, size]) => size > 20)).toEqual([])
  })

  it('exports no name that nothing imports', () => {
    const used = new Set(
      ['src', 'test', 'bench', 'scripts', 'tools', 'examples'].flatMap((folder) =>
        typescriptFiles(folder)
          .flatMap((file) => importsOf(folder, file))
          .flatMap((edge) => edge.names.map((name) => `${join(folder, targetOf(edge) ?? '')} ${name}`)),
      ),
    )
    // What the SDK offers is imported by its users, and types.ts is generated whole.
    const unused = sourceFiles
      .filter((file) => file !== 'verifier/index.ts' && file !== 'api/v1alpha1/types.ts' && !used.has(`src/${file} *`))
      .flatMap((file) => exportsOf(`src/${file}`).map((name) => `src/${file} ${name}`))
      .filter((name) => !used.has(name))
    expect(unused).toEqual([])
  })

  it('knows every room', () => {
    expect([...new Set(sourceFiles.map(roomOf))].filter((room) => room !== 'leaf' && !(room in arrows))).toEqual([])
  })

  it('lets nobody import the command line', () => {
    expect(
      imports.filter((edge) => roomOf(edge.from) !== 'cli' && targetOf(edge)?.startsWith('cli/')).map(where),
    ).toEqual([])
  })

  it('lets nothing in the image import the kubectl plugin', () => {
    const inPlugin = (file: string): boolean => file.startsWith('cli/kubectl/')
    const plugin = imports.filter(({ from }) => inPlugin(from))
    expect(plugin.length).toBeGreaterThan(0)
    expect(imports.filter((edge) => !inPlugin(edge.from) && inPlugin(targetOf(edge) ?? '')).map(where)).toEqual([])
  })

  it('keeps third-party packages behind their doors', () => {
    const forbidden = imports.filter((edge) => {
      if (edge.specifier.startsWith('.')) return false
      const door = doors[edge.specifier] ?? doors[packageOf(edge.specifier)]
      const builtin = edge.specifier.startsWith('node:') || builtinModules.includes(edge.specifier)
      if (door === undefined) return !builtin
      return !edge.typeOnly && !door.includes(roomOf(edge.from))
    })
    expect(forbidden.map(where)).toEqual([])
  })

  it('has no runtime dependency that src does not import, and no door that nothing passes', () => {
    const packages = new Set(imports.filter(({ specifier }) => !specifier.startsWith('.')).map(nameOf))
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    expect(Object.keys(dependencies).filter((name) => !packages.has(name))).toEqual([])
    const opened = Object.entries(doors).filter(([, rooms]) => rooms.length > 0)
    expect(opened.map(([name]) => name).filter((name) => !packages.has(name))).toEqual([])
  })

  it('lets the client of Redis alone know its library', () => {
    const files = imports.filter(({ specifier }) => packageOf(specifier) === 'ioredis').map(({ from }) => from)
    expect(new Set(files)).toEqual(
      new Set(['authority/shared-cache/redis/client.ts', 'authority/shared-cache/redis/ioredis-hardening.ts']),
    )
  })

  it('keeps decisions free of clocks, chance, timers and I/O', () => {
    const found = sourceFiles
      .filter((file) => pureFiles.some((form) => form.test(file)))
      .flatMap((file) =>
        codeOf(file).flatMap((line, index) => {
          const hit = impure.exec(line)
          return hit === null ? [] : [`src/${file}:${index + 1} uses ${hit[0]}`]
        }),
      )
    expect(found).toEqual([])
  })

  it('reads the environment in one place', () => {
    const readers = sourceFiles.filter(
      (file) =>
        !file.startsWith('cli/') &&
        file !== 'verifier/pod/env.ts' &&
        codeOf(file).some((line) => line.includes('process.env')),
    )
    expect(readers).toEqual([])
  })

  it("has no barrels but the verifier's", () => {
    expect(sourceFiles.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual(['verifier/index.ts'])
  })

  it("gives every name one path, but for those of the verifier's barrel", () => {
    const twice = imports.filter((edge) => edge.reExport && targetOf(edge) !== undefined)
    expect(new Set(twice.map(({ from }) => from))).toEqual(new Set(['verifier/index.ts']))
  })

  it('I3: lets the webhook reach no Kubernetes client and no key', () => {
    const reached = reachedFrom(sourceFiles.filter((name) => name.startsWith('webhook/')))
    expect(reached.length).toBeGreaterThan(0)
    expect(reached.filter((file) => /^(kube|controller|keys\/(signer|signing-key)|tokens\/mint)/.test(file))).toEqual(
      [],
    )
  })

  it('I3: lets the verifier reach nothing that signs, mints or knows Kubernetes', () => {
    const reached = reachedFrom(sourceFiles.filter((name) => name.startsWith('verifier/')))
    const outside = reached.filter((file) => !file.startsWith('verifier/')).sort()
    expect(outside).toEqual([
      'errors.ts',
      'identity/issuer.ts',
      'identity/key-owner.ts',
      'identity/service-identity.ts',
      'identity/spiffe-id.ts',
      'identity/trust-domain.ts',
      'identity/workload.ts',
      'json.ts',
      'keys/algorithm.ts',
      'keys/base64url.ts',
      'keys/ecdsa-signature.ts',
      'keys/public-jwk.ts',
      'keys/rsa-modulus.ts',
      'keys/verify-signature.ts',
      'logger.ts',
      'time/clock-tolerance.ts',
      'time/clock.ts',
      'time/deadline.ts',
      'time/duration.ts',
      'time/retry-after.ts',
      'tokens/check-claims.ts',
      'tokens/claims.ts',
      'tokens/compact.ts',
      'tokens/decode.ts',
      'tokens/revocation.ts',
      'tokens/token-error.ts',
      'tokens/token-memo.ts',
      'tokens/verify.ts',
    ])
    const packages = imports.filter(({ from, specifier, typeOnly }) => {
      return reached.includes(from) && !typeOnly && !specifier.startsWith('.') && !specifier.startsWith('node:')
    })
    expect([...new Set(packages.map(({ specifier }) => specifier))]).toEqual(['lru-cache'])
  })
})

/** Circles of groups of files; a file without a group is left out. */
function circlesBetween(groupOf: (file: string) => string | undefined): string[][] {
  const edges = new Map<string, Set<string>>()
  for (const edge of imports) {
    const from = groupOf(edge.from)
    const target = targetOf(edge)
    const to = target === undefined ? undefined : groupOf(target)
    if (from === undefined || to === undefined || from === to) continue
    edges.set(from, (edges.get(from) ?? new Set()).add(to))
  }
  return circles(new Map([...edges].map(([from, targets]) => [from, [...targets]])))
}

/** These files and all that is loaded with them. */
function reachedFrom(files: readonly string[]): string[] {
  const reached = new Set<string>()
  const walk = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const edge of imports) {
      if (edge.from === file && edge.specifier.startsWith('.') && !edge.typeOnly) walk(targetOf(edge) ?? '')
    }
  }
  for (const file of files) walk(file)
  return [...reached]
}
