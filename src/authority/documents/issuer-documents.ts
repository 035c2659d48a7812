import { setImmediate as turn } from 'node:timers/promises'
import { issuerAt, issuerPath } from '../../identity/issuer.ts'
import type { IdentityKeys } from '../../keys/identity-keys.ts'
import { serializeJwks } from '../../keys/jwks.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { authorizationServerMetadata, openidConfiguration } from './discovery.ts'
import { type Document, renderDocument } from './document.ts'
import type { Endpoint } from './document-path.ts'
import type { StoredKeys } from '../verification/publishable-keys.ts'
import { spiffeBundle } from './spiffe-bundle.ts'

type LevelDocuments = Partial<Readonly<Record<Endpoint, Document>>>

/** How many small documents are rendered before others get their turn: about a millisecond's worth. */
const batch = 64

/**
 * The documents of the cluster, of each namespace and of each identity that has keys. The authority's own keys are in
 * every set: a token that it issues names the issuer of whichever level the chart chose. A change renders anew what
 * shows it and nothing else. All levels change together, so that a key that is found at one is found at all (I1).
 */
export class Levels {
  private readonly base: string
  private documents: ReadonlyMap<string, LevelDocuments> = new Map()
  /** By path, what the documents of each identity show. */
  private shown: ReadonlyMap<string, IdentityKeys> = new Map()
  private own: readonly PublicJwk[] = []

  /** `base` is the issuer of the cluster level. */
  constructor(base: string) {
    this.base = base
  }

  /** Undefined where the level has no keys, or has no such document. */
  get(level: string, endpoint: Endpoint): Document | undefined {
    return this.documents.get(level)?.[endpoint]
  }

  /** Shows these keys and no others. Where it fails, nothing has changed. Not to be called again before it is over. */
  async show({ identities, authorityKeys }: StoredKeys, sequence: number): Promise<void> {
    const present = identities.filter(({ keys }) => keys.length > 0)
    const shown = new Map(present.map((one) => [issuerPath('identity', one.identity), one]))
    const ownChanged = !sameKeys(this.own, authorityKeys)
    const touched = this.touched(shown, ownChanged)
    if (touched.size === 0 && !ownChanged && this.documents.has('')) return
    const next = new Map(this.documents)
    let count = 0
    for (const [level, keys] of keysByLevel(touched, shown)) {
      if (keys.length === 0) next.delete(level)
      else next.set(level, await this.render(level, [...keys, ...authorityKeys]))
      if (++count % batch === 0) await turn()
    }
    next.set('', await this.renderCluster([...present.flatMap(({ keys }) => keys), ...authorityKeys], sequence))
    // All at once, in one turn of the event loop.
    this.documents = next
    this.shown = shown
    this.own = authorityKeys
  }

  /** The paths of all identities and namespaces whose keys are not what they were; with `all`, of all there are. */
  private touched(shown: ReadonlyMap<string, IdentityKeys>, all: boolean): ReadonlySet<string> {
    const touched = new Set<string>()
    const touch = (path: string, one: IdentityKeys) => touched.add(path).add(issuerPath('namespace', one.identity))
    for (const [path, one] of shown) {
      if (all || !sameKeys(this.shown.get(path)?.keys, one.keys)) touch(path, one)
    }
    for (const [path, one] of this.shown) {
      if (!shown.has(path)) touch(path, one)
    }
    return touched
  }

  private async render(level: string, keys: readonly PublicJwk[]): Promise<LevelDocuments> {
    return {
      // What discovery says of a level never changes.
      ...(this.documents.get(level) ?? (await this.renderDiscovery(level))),
      jwks: await renderDocument(serializeJwks(keys)),
    }
  }

  private async renderCluster(keys: readonly PublicJwk[], sequence: number): Promise<LevelDocuments> {
    const documents = await this.render('', keys)
    await turn()
    return { ...documents, 'trust-bundle': await renderDocument(spiffeBundle(keys, sequence)) }
  }

  private async renderDiscovery(level: string): Promise<LevelDocuments> {
    const issuer = issuerAt(this.base, level)
    return {
      'openid-configuration': await renderDocument(JSON.stringify(openidConfiguration(issuer, this.base))),
      'oauth-authorization-server': await renderDocument(
        JSON.stringify(authorizationServerMetadata(issuer, this.base)),
      ),
    }
  }
}

/** The keys of each touched level, in one walk over the identities; none where the level is gone. */
function keysByLevel(
  touched: ReadonlySet<string>,
  shown: ReadonlyMap<string, IdentityKeys>,
): ReadonlyMap<string, PublicJwk[]> {
  const keys = new Map([...touched].map((level) => [level, [] as PublicJwk[]]))
  for (const [path, one] of shown) {
    keys.get(path)?.push(...one.keys)
    keys.get(issuerPath('namespace', one.identity))?.push(...one.keys)
  }
  return keys
}

function sameKeys(some: readonly PublicJwk[] | undefined, others: readonly PublicJwk[]): boolean {
  if (some === others) return true
  return some?.length === others.length && some.every((key, index) => key === others[index])
}
