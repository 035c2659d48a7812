import { setImmediate as turn } from 'node:timers/promises'
import { issuerAt, issuerPath } from '../../identity/issuer.ts'
import type { IdentityKeys } from '../../keys/identity-keys.ts'
import { serializeJwks } from '../../keys/jwks.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { StoredKeys } from '../../keys/publishable-keys.ts'
import { authorizationServerMetadata, openidConfiguration } from './discovery.ts'
import { type Document, renderDocument } from './document.ts'
import type { Endpoint } from './document-path.ts'
import { spiffeBundle } from './spiffe-bundle.ts'

type ScopeDocuments = Partial<Readonly<Record<Endpoint, Document>>>

/** Small documents rendered per turn of the event loop, about 1 ms of work. */
const batch = 64

/**
 * The documents of the cluster, of each namespace and of each identity that has keys, by the path of their scope. Every
 * JWK Set contains the issuing keys, because the chart chooses which scope's issuer their tokens name. A change renders
 * only the documents that show it; all scopes change at once, so that a key is published in all of them or in none (I1).
 */
export class IssuerDocuments {
  readonly #base: string
  #documents: ReadonlyMap<string, ScopeDocuments> = new Map()
  /** The keys that the current documents show, by the path of the identity's issuer. */
  #shown: ReadonlyMap<string, IdentityKeys> = new Map()
  #issuingKeys: readonly PublicJwk[] = []

  /** `base` is the cluster-scoped issuer. */
  constructor(base: string) {
    this.#base = base
  }

  /** Undefined if the scope has no keys, or has no such document. */
  get(scope: string, endpoint: Endpoint): Document | undefined {
    return this.#documents.get(scope)?.[endpoint]
  }

  /** Replaces the keys that are shown; a failure changes nothing. Calls must not overlap. */
  async show({ identities, issuingKeys }: StoredKeys, sequence: number): Promise<void> {
    const present = identities.filter(({ keys }) => keys.length > 0)
    const shown = new Map(present.map((one) => [issuerPath('identity', one.identity), one]))
    const issuingKeysChanged = !sameKeys(this.#issuingKeys, issuingKeys)
    const changed = this.#changedScopes(shown, issuingKeysChanged)
    if (changed.size === 0 && !issuingKeysChanged && this.#documents.has('')) return
    const next = new Map(this.#documents)
    let count = 0
    for (const [scope, keys] of keysByScope(changed, shown)) {
      if (keys.length === 0) next.delete(scope)
      else next.set(scope, await this.#render(scope, [...keys, ...issuingKeys]))
      if (++count % batch === 0) await turn()
    }
    next.set('', await this.#renderCluster([...present.flatMap(({ keys }) => keys), ...issuingKeys], sequence))
    // No await from here on: all scopes change in one turn of the event loop.
    this.#documents = next
    this.#shown = shown
    this.#issuingKeys = issuingKeys
  }

  /** The paths of the identities and namespaces whose keys have changed; of all of them with `all`. */
  #changedScopes(shown: ReadonlyMap<string, IdentityKeys>, all: boolean): ReadonlySet<string> {
    const changed = new Set<string>()
    const add = (path: string, one: IdentityKeys) => changed.add(path).add(issuerPath('namespace', one.identity))
    for (const [path, one] of shown) {
      if (all || !sameKeys(this.#shown.get(path)?.keys, one.keys)) add(path, one)
    }
    for (const [path, one] of this.#shown) {
      if (!shown.has(path)) add(path, one)
    }
    return changed
  }

  async #render(scope: string, keys: readonly PublicJwk[]): Promise<ScopeDocuments> {
    return {
      // The discovery documents of a scope never change.
      ...(this.#documents.get(scope) ?? (await this.#renderDiscovery(scope))),
      jwks: await renderDocument(serializeJwks(keys)),
    }
  }

  async #renderCluster(keys: readonly PublicJwk[], sequence: number): Promise<ScopeDocuments> {
    const documents = await this.#render('', keys)
    await turn()
    return { ...documents, 'trust-bundle': await renderDocument(spiffeBundle(keys, sequence)) }
  }

  async #renderDiscovery(scope: string): Promise<ScopeDocuments> {
    const issuer = issuerAt(this.#base, scope)
    return {
      'openid-configuration': await renderDocument(JSON.stringify(openidConfiguration(issuer, this.#base))),
      'oauth-authorization-server': await renderDocument(
        JSON.stringify(authorizationServerMetadata(issuer, this.#base)),
      ),
    }
  }
}

/** The keys of each changed scope, in one pass over the identities; an empty list for a scope without keys. */
function keysByScope(
  changed: ReadonlySet<string>,
  shown: ReadonlyMap<string, IdentityKeys>,
): ReadonlyMap<string, PublicJwk[]> {
  const keys = new Map([...changed].map((scope) => [scope, [] as PublicJwk[]]))
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
