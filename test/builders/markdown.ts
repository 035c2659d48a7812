import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/run.ts'

/** A link of a page, relative to the page; without its scheme's addresses. */
export interface Link {
  /** Empty: the page itself. */
  readonly path: string
  /** Without its `#`; empty where there is none. */
  readonly anchor: string
}

export const read = (name: string): string => readFileSync(join(root, name), 'utf8')

/** Every Markdown page of the project, relative to its root. */
export const pages: readonly string[] = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.md') && !/(^|\/)(node_modules|dist|dist-verifier|build)\//.test(name),
)

const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')

/** The links and pictures of a page that lead into the project. */
export function linksOf(text: string): Link[] {
  const targets = [...withoutCode(text).matchAll(/\]\(\s*([^)\s]+)\s*\)/g)].map(([, target = '']) => target)
  return targets
    .filter((target) => !/^(https?|mailto):/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#')
      return { path, anchor }
    })
}

/** The anchors that a forge gives to the headings of a page. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+)$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}
