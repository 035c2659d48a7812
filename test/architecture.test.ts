import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

/** The arrows of src/README.md, executed. Rooms may import themselves and the leaves besides what stands here. */
const pure = ['identity', 'rotation', 'keys', 'tokens', 'certificates']
const arrows: Record<string, readonly string[]> = {
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
const leaves = ['errors.ts', 'clock.ts', 'duration.ts', 'logger.ts']

/** Which rooms open the door to a third-party package or a Node module that reaches outside the process. */
const doors: Record<string, readonly string[]> = {
  jose: ['keys', 'tokens'],
  '@peculiar/x509': ['certificates'],
  'reflect-metadata': ['certificates'],
  pino: ['telemetry'],
  '@prometheus-io/client': ['telemetry'],
  express: ['server', 'authority'],
  '@kubernetes/client-node': ['kube'],
  undici: ['kube'],
  'js-yaml': ['kube'],
  'lru-cache': ['authority', 'tokens', 'verifier'],
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

const source = fileURLToPath(new URL('../src', import.meta.url))

interface Import {
  readonly from: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
}

const sourceFiles = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))

function importsOf(file: string): Import[] {
  const tree = ts.createSourceFile(file, readFileSync(join(source, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
      if (specifier !== undefined && ts.isStringLiteral(specifier)) {
        const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1
        found.push({ from: file, line, specifier: specifier.text, typeOnly })
      }
    }
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

const imports = sourceFiles.flatMap(importsOf)
const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : 'leaf')
const where = ({ from, line, specifier }: Import): string => `src/${from}:${line} imports ${specifier}`
const targetOf = ({ from, specifier }: Import): string => relative('.', normalize(join(dirname(from), specifier)))
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
      const target = targetOf(edge)
      const targetRoom = roomOf(target)
      if (targetRoom === 'leaf') return !leaves.includes(target)
      if (room === targetRoom) return false
      return !(arrows[room] ?? []).includes(targetRoom) && !(fileArrows[room] ?? []).includes(target)
    })
    expect(forbidden.map(where)).toEqual([])
  })

  it('knows every room', () => {
    expect([...new Set(sourceFiles.map(roomOf))].filter((room) => room !== 'leaf' && !(room in arrows))).toEqual([])
  })

  it('lets nobody import the command line', () => {
    expect(
      imports.filter((edge) => roomOf(edge.from) !== 'cli' && targetOf(edge).startsWith('cli/')).map(where),
    ).toEqual([])
  })

  it('lets nothing in the image import the kubectl plugin', () => {
    const inPlugin = (file: string): boolean => file.startsWith('cli/kubectl/')
    const plugin = imports.filter(({ from }) => inPlugin(from))
    expect(plugin.length).toBeGreaterThan(0)
    expect(imports.filter((edge) => !inPlugin(edge.from) && inPlugin(targetOf(edge))).map(where)).toEqual([])
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

  it('lets the client of Redis alone know its library', () => {
    const files = imports.filter(({ specifier }) => packageOf(specifier) === 'ioredis').map(({ from }) => from)
    expect(new Set(files)).toEqual(new Set(['authority/redis/client.ts', 'authority/redis/defended-client.ts']))
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
        file !== 'verifier/env.ts' &&
        codeOf(file).some((line) => line.includes('process.env')),
    )
    expect(readers).toEqual([])
  })

  it("has no barrels but the verifier's", () => {
    expect(sourceFiles.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual(['verifier/index.ts'])
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
      'clock.ts',
      'duration.ts',
      'errors.ts',
      'identity/key-owner.ts',
      'identity/service-identity.ts',
      'identity/spiffe-id.ts',
      'identity/trust-domain.ts',
      'identity/workload.ts',
      'keys/algorithm.ts',
      'keys/base64url.ts',
      'keys/ecdsa-signature.ts',
      'keys/public-jwk.ts',
      'keys/rsa-modulus.ts',
      'keys/strict-json.ts',
      'keys/verify-signature.ts',
      'logger.ts',
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

/** These files and all that is loaded with them. */
function reachedFrom(files: readonly string[]): string[] {
  const reached = new Set<string>()
  const walk = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const edge of imports) {
      if (edge.from === file && edge.specifier.startsWith('.') && !edge.typeOnly) walk(targetOf(edge))
    }
  }
  for (const file of files) walk(file)
  return [...reached]
}
