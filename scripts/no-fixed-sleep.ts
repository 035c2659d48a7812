import type { Rule, Scope } from 'eslint'
import type { CallExpression, Node } from 'estree'

/** Sleeps of this length or more are forbidden, in milliseconds. */
const mostMs = 200

/** The constants of src/time/duration.ts. */
const durations: Readonly<Record<string, number>> = {
  SECOND: 1000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
}

/**
 * Forbids real waits of 200 ms or more: `sleep(500)` of `node:timers/promises`, a helper of that kind in the same file,
 * and `setTimeout(resolve, 500)`. Files that replace all timers by `vi.useFakeTimers()` are exempt.
 */
export const noFixedSleep: Rule.RuleModule = {
  meta: {
    type: 'problem',
    messages: {
      sleeps:
        'sleeps for {{ms}} ms: wait for the event itself, hold the clock, or move what needs real time to test/soak',
    },
  },
  create(context) {
    const { sourceCode } = context
    const sleeps: { node: CallExpression; ms: number }[] = []
    let timersAreHeld = false
    return {
      CallExpression(node) {
        timersAreHeld ||= holdsTimers(node, (inner) => sourceCode.getText(inner))
        const scope = sourceCode.getScope(node)
        const wait = waitOf(node, scope)
        const ms = wait && valueOf(wait, scope)
        if (ms !== undefined && ms >= mostMs) sleeps.push({ node, ms })
      },
      'Program:exit'() {
        if (timersAreHeld) return
        for (const { node, ms } of sleeps) context.report({ node, messageId: 'sleeps', data: { ms: `${ms}` } })
      },
    }
  },
}

function holdsTimers({ callee, arguments: [options] }: CallExpression, text: (node: Node) => string): boolean {
  if (callee.type !== 'MemberExpression' || text(callee) !== 'vi.useFakeTimers') return false
  const chosen = options && text(options)
  return chosen === undefined || !chosen.includes('toFake') || chosen.includes("'setTimeout'")
}

/** The argument with the duration of a call that only waits; undefined for any other call. */
function waitOf({ callee, arguments: given }: CallExpression, scope: Scope.Scope): Node | undefined {
  if (callee.type !== 'Identifier') return undefined
  const variable = variableOf(callee.name, scope)
  const definition = variable?.defs[0]
  if (definition === undefined) {
    return callee.name === 'setTimeout' && given[0]?.type === 'Identifier' ? given[1] : undefined
  }
  const isImported = definition.type === 'ImportBinding' && definition.parent.source.value === 'node:timers/promises'
  const isHelper = definition.type !== 'ImportBinding' && /^(sleep|pause|wait|delay)$/.test(callee.name)
  return isImported || isHelper ? given[0] : undefined
}

/** The value of literals, constants of the file, durations, and arithmetic with them; undefined for other expressions. */
function valueOf(node: Node, scope: Scope.Scope): number | undefined {
  if (node.type === 'Literal') return typeof node.value === 'number' ? node.value : undefined
  if (node.type === 'BinaryExpression') {
    const [left, right] = [valueOf(node.left, scope), valueOf(node.right, scope)]
    if (left === undefined || right === undefined) return undefined
    return { '*': left * right, '+': left + right, '-': left - right, '/': left / right }[node.operator as '*']
  }
  if (node.type !== 'Identifier') return undefined
  const definition = variableOf(node.name, scope)?.defs[0]
  if (definition?.type === 'ImportBinding') return durations[node.name]
  if (definition?.type !== 'Variable' || definition.parent.kind !== 'const') return undefined
  return definition.node.init ? valueOf(definition.node.init, scope) : undefined
}

function variableOf(name: string, scope: Scope.Scope): Scope.Variable | undefined {
  for (let at: Scope.Scope | null = scope; at !== null; at = at.upper) {
    const found = at.set.get(name)
    if (found !== undefined) return found
  }
  return undefined
}
