import { SignetError } from '../../errors.ts'
import { JwkError, parsePublicJwk, type PublicJwk } from '../../keys/public-jwk.ts'
import { isRecord } from '../../json.ts'

/** What the API server says of its ServiceAccount tokens. */
interface ClusterIssuerDocument {
  readonly issuer: string
  readonly keys: readonly PublicJwk[]
}

/** Asks the API server for a document by its path. */
export interface DocumentReader {
  document(path: string, options: { readonly signal: AbortSignal; readonly accept?: string }): Promise<unknown>
}

const configurationPath = '/.well-known/openid-configuration'
const keysPath = '/openid/v1/jwks'
const maxKeys = 64

/**
 * The issuer of the cluster's ServiceAccount tokens and its keys, as the API server itself publishes them: where its
 * `jwks_uri` points is not followed. Keys of a kind that is not used here are left out. Rejects with a KubeError, or
 * with a SignetError where nothing that can be used is left.
 */
export async function readClusterIssuer(client: DocumentReader, signal: AbortSignal): Promise<ClusterIssuerDocument> {
  const [configuration, set] = await Promise.all([
    client.document(configurationPath, { signal }),
    client.document(keysPath, { signal, accept: 'application/jwk-set+json' }),
  ])
  const issuer = isRecord(configuration) ? configuration.issuer : undefined
  if (typeof issuer !== 'string' || issuer === '' || issuer.length > 2048) throw unusable('names no issuer')
  const list: unknown = isRecord(set) ? set.keys : undefined
  if (!Array.isArray(list) || list.length > maxKeys) throw unusable('has no list of keys')
  const keys = list.flatMap(usable)
  if (keys.length === 0) throw unusable('has no key that can be used')
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw unusable('has two keys of one kid')
  return { issuer, keys }
}

function usable(key: unknown): PublicJwk[] {
  try {
    const jwk = parsePublicJwk(key)
    // A key that is bound to a subject is none of the API server's.
    return jwk.sub === undefined ? [jwk] : []
  } catch (error) {
    if (error instanceof JwkError) return []
    throw error
  }
}

function unusable(what: string): SignetError {
  return new SignetError('ERR_CLUSTER_ISSUER', `the API server's description of its ServiceAccount tokens ${what}`)
}
