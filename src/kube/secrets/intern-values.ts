import { files } from '../../identity/workload.ts'
import type { Secret } from './secret-codec.ts'

/** What the Secrets of all identities say alike. */
const alike: readonly string[] = [files.issuer, files.trustBundle]

/**
 * Keeps once in memory what many Secrets say alike, and within one what is there under two names, as the first token is:
 * of ten thousand identities that is half of their Secrets. The values themselves are as they were.
 */
export function sharingValues(): (secret: Secret) => Secret {
  const last = new Map<string, string>()
  return (secret) => {
    if (secret.data === undefined) return secret
    const own = new Map<string, string>()
    const entries = Object.entries(secret.data).map(([name, value]) => {
      const known = alike.includes(name) ? last.get(name) : own.get(value)
      if (known === value) return [name, known] as const
      if (alike.includes(name)) last.set(name, value)
      else own.set(value, value)
      return [name, value] as const
    })
    return { ...secret, data: Object.fromEntries(entries) }
  }
}
