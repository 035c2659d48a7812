import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A name for content: equal parts give an equal key, in any order. Lengths are hashed too, so parts cannot blur. */
export function cacheKey(parts: Record<string, string | Buffer>): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(parts).sort()) {
    const value = Buffer.from(parts[name] ?? '')
    hash.update(`${Buffer.byteLength(name)}:${name}=${value.length}:`).update(value)
  }
  return hash.digest('hex').slice(0, 20)
}

/** The regular files of a directory by relative path, links as their targets' content. */
export function directoryParts(directory: string, skip: (path: string) => boolean = () => false) {
  const parts: Record<string, Buffer> = {}
  const walk = (current: string): void => {
    for (const entry of readdirSync(current, { withFileTypes: true })) {
      const path = join(current, entry.name)
      if (skip(relative(directory, path))) continue
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() || entry.isSymbolicLink()) parts[relative(directory, path)] = readFileSync(path)
    }
  }
  walk(directory)
  return parts
}
