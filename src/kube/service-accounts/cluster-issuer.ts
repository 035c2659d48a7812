import { SignetError } from '../../errors.ts'
import { JwkError, parsePublicJwk, type PublicJwk } from '../../keys/public-jwk.ts'
import type { ClusterIssuer } from '../../tokens/cluster-issuer.ts'
import { isRecord } from '../../json.ts'

/** Reads a document of the API server by its path. */
export interface DocumentReader {
  document(path: string, options: { readonly signal: AbortSignal; readonly accept?: string }): Promise<unknown>
}

const configurationPath = '/.well-known/openid-configuration'
const keysPath = '/openid/v1/jwks'
const maxKeys = 64

/**
 * Reads the issuer of the cluster's ServiceAccount tokens and its keys from the API server (OpenID Connect Discovery
 * 1.0). Ignores `jwks_uri`: keys come from the API server only. Skips keys that Signet cannot use. Rejects with a
 * KubeError, or with a SignetError `ERR_CLUSTER_ISSUER` if the documents are invalid or no key is left.
 */
export async function readClusterIssuer(client: DocumentReader, signal: AbortSignal): Promise<ClusterIssuer> {
  const [configuration, set] = await Promise.all([
    client.document(configurationPath, { signal }),
    client.document(keysPath, { signal, accept: 'application/jwk-set+json' }),
  ])
  const issuer = isRecord(configuration) ? configuration.issuer : undefined
  if (typeof issuer !== 'string' || issuer === '' || issuer.length > 2048) throw unusable('have no valid issuer')
  const list: unknown = isRecord(set) ? set.keys : undefined
  if (!Array.isArray(list) || list.length > maxKeys) throw unusable('have no valid list of keys')
  const keys = list.flatMap(usable)
  if (keys.length === 0) throw unusable('have no supported key')
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw unusable('have two keys with the same kid')
  return { issuer, keys }
}

function usable(key: unknown): PublicJwk[] {
  try {
    const jwk = parsePublicJwk(key)
    // The API server binds no key to a subject.
    return jwk.sub === undefined ? [jwk] : []
  } catch (error) {
    if (error instanceof JwkError) return []
    throw error
  }
}

function unusable(what: string): SignetError {
  return new SignetError('ERR_CLUSTER_ISSUER', `the API server's documents about its ServiceAccount tokens ${what}`)
}
