import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../run.ts'

/** A string literal. If it is the value of a constant, with the constant's name and comment. */
export interface Literal {
  readonly text: string
  readonly file: string
  /** The name of the constant that has the literal as its value. */
  readonly constant: string | undefined
  /** The documentation comment of that constant, on one line. */
  readonly comment: string | undefined
}

/** Every string literal in the TypeScript files of a folder, such as `src`. */
export function literalsOf(folder: string): Literal[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap((file) => literalsOfFile(`${folder}/${file}`))
}

function literalsOfFile(file: string): Literal[] {
  const tree = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Literal[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) {
      found.push({ text: node.text, file, ...constantOf(node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

function constantOf(node: ts.Node): Pick<Literal, 'constant' | 'comment'> {
  const { parent } = node
  if (!ts.isVariableDeclaration(parent)) return { constant: undefined, comment: undefined }
  const [comment] = ts.getJSDocCommentsAndTags(parent).filter(ts.isJSDoc)
  const text = ts.getTextOfJSDocComment(comment?.comment)?.replaceAll(/\s+/g, ' ')
  return { constant: parent.name.getText(), comment: text }
}
