import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The folder of package.json. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** One import or re-export. `names` are what is taken of the module; `*` stands for all of it. */
export interface Import {
  /** The importing file, relative to its folder of sources. */
  readonly from: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
  readonly reExport: boolean
  readonly names: readonly string[]
}

/** TypeScript files below a folder of the project, relative to that folder. */
export function typescriptFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
}

export function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true)
}

/** The imports of one file; type imports, re-exports and `import()` included. */
export function importsOf(folder: string, file: string): Import[] {
  const tree = parse(join(folder, file))
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const add = (specifier: ts.Node | undefined, typeOnly: boolean, names: readonly string[]) => {
      if (specifier === undefined || !ts.isStringLiteral(specifier)) return
      const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1
      found.push({
        from: file,
        line,
        specifier: specifier.text,
        typeOnly,
        reExport: ts.isExportDeclaration(node),
        names,
      })
    }
    if (ts.isImportDeclaration(node)) {
      const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      add(node.moduleSpecifier, typeOnly, namesOf(node.importClause?.namedBindings))
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly, namesOf(node.exportClause))
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const name = node.qualifier?.getText()
      add(node.argument.literal, true, name === undefined ? ['*'] : [name])
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false, ['*'])
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

function namesOf(clause: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (clause === undefined) return []
  if (!ts.isNamedImports(clause) && !ts.isNamedExports(clause)) return ['*']
  return clause.elements.map((element) => (element.propertyName ?? element.name).text)
}

/** The file that a relative import names, relative to the same folder; undefined for a package. */
export function targetOf({ from, specifier }: Pick<Import, 'from' | 'specifier'>): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(from), specifier)) : undefined
}

/** The names that a file exports by its own declarations. */
export function exportsOf(path: string): string[] {
  return parse(path).statements.flatMap((statement) => {
    const exported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
    if (!exported) return []
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    }
    const name = (statement as ts.DeclarationStatement).name
    return name === undefined ? [] : [name.getText()]
  })
}

/** Circles of files, each once, by Tarjan's strongly connected components. */
export function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (node: string): void => {
    const own = index.size
    index.set(node, own)
    low.set(node, own)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? own, low.get(next) ?? own))
    }
    if (low.get(node) !== own) return
    const circle = stack.splice(stack.indexOf(node))
    if (circle.length > 1) found.push(circle.sort())
  }
  for (const node of edges.keys()) if (!index.has(node)) visit(node)
  return found
}
