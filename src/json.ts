/** Deepest accepted nesting of objects and arrays. */
const maxDepth = 16

const quote = 34
const colon = 58
const backslash = 92

/**
 * Parses JSON. Undefined if the text is not JSON, repeats a member of an object (parsers disagree on those, see RFC
 * 8725 §2.4 and RFC 7515 §4), has a member `__proto__`, or is nested deeper than 16 levels. The caller limits the
 * length.
 */
export function parseStrictJson(text: string): unknown {
  const written = countWrittenMembers(text)
  if (written === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  // JSON.parse keeps a repeated member once, however its name is escaped, so that the counts differ.
  return countMembers(value) === written ? value : undefined
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * An object's own member; names such as `toString` and `__proto__` have no special meaning. Undefined if the value is
 * not an object or has no such member.
 */
export function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** An object's own member if it is a string; undefined otherwise. */
export function textMember(value: unknown, name: string): string | undefined {
  const text = member(value, name)
  return typeof text === 'string' ? text : undefined
}

/** JSON with the members of every object sorted by code unit, so that equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}

/** Whether two JSON values are equal, whatever the order of their members. */
export function sameJson(one: unknown, other: unknown): boolean {
  return canonicalJson(one) === canonicalJson(other)
}

/** Counts the colons outside of strings: valid JSON has one per member. Undefined if the nesting is too deep. */
function countWrittenMembers(text: string): number | undefined {
  let members = 0
  let depth = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === quote) {
      index = endOfString(text, index)
    } else if (code === colon) {
      members += 1
    } else if (code === 91 || code === 123) {
      depth += 1
      if (depth > maxDepth) return undefined
    } else if (code === 93 || code === 125) {
      depth -= 1
    }
  }
  return members
}

/** The index of the quote that ends the string begun at `start`; the length of the text if there is none. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, index: number): boolean {
  let first = index
  while (text.charCodeAt(first - 1) === backslash) first -= 1
  return (index - first) % 2 === 1
}

/** Counts the members of all objects in a value. NaN, which equals nothing, if a member is named `__proto__`. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const item of value) members += countMembers(item)
    return members
  }
  const object = value as Record<string, unknown>
  for (const name of Object.keys(object)) {
    if (name === '__proto__') return Number.NaN
    const member = object[name]
    members += 1
    if (typeof member === 'object') members += countMembers(member)
  }
  return members
}
