import ts from 'typescript'

/** One changed text of a file. */
export interface Mutant {
  readonly line: number
  /** What was changed, for people: `a < b → a <= b`. */
  readonly change: string
  readonly text: string
}

const operators = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
])

/**
 * Every mutant of a file: an operator replaced by its neighbour, a condition that is always or never met, a `throw` or
 * a `return` of nothing left out, and `true` for `false`. Imports and types are left alone.
 */
export function mutantsOf(file: string, text: string): Mutant[] {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Mutant[] = []
  const replace = (node: ts.Node, by: string): void => {
    const start = node.getStart(tree)
    const line = tree.getLineAndCharacterOfPosition(start).line + 1
    const change = `${node.getText(tree).replaceAll(/\s+/g, ' ').slice(0, 60)} → ${by === '' ? '(nothing)' : by.slice(0, 60)}`
    found.push({ line, change, text: text.slice(0, start) + by + text.slice(node.getEnd()) })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) return
    if (ts.isBinaryExpression(node)) {
      const by = operators.get(node.operatorToken.kind)
      if (by !== undefined) replace(node.operatorToken, by)
    } else if (ts.isIfStatement(node)) {
      replace(node.expression, 'true')
      replace(node.expression, 'false')
    } else if (ts.isConditionalExpression(node)) {
      replace(node.condition, 'true')
      replace(node.condition, 'false')
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) replace(node, 'false')
    else if (node.kind === ts.SyntaxKind.FalseKeyword) replace(node, 'true')
    else if (ts.isThrowStatement(node)) replace(node, ';')
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}
