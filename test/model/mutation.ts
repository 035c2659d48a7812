import type { PublicKeyStore, PublishedKeys } from '../../src/keys/key-ring/store.ts'
import { KubeError } from '../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import type { Storage } from '../fakes/api-server-storage.ts'

/** What is taken from the code under test, so that the model shows that it would notice. */
export const mutations = [
  'without-publish-ahead',
  'without-retain-after-retire',
  'without-compare-and-swap',
  'sign-before-publish',
] as const

export type Mutation = (typeof mutations)[number]

/** A TypeError where there is none of that name. */
export function mutationNamed(name: string | undefined): Mutation | undefined {
  if (name === undefined || name === '') return undefined
  const mutation = mutations.find((one) => one === name)
  if (mutation === undefined) throw new TypeError(`no mutation ${name}: there are ${mutations.join(', ')}`)
  return mutation
}

/** The mutation of this process. The first two are made of `rotation/schedule` itself, by the module that loads it. */
let current: Mutation | undefined

export function mutate(mutation: Mutation | undefined): void {
  current = mutation
}

/** The schedule as a mutation has it. */
export function mutatedSchedule(mutation: Mutation | undefined): object {
  if (mutation === 'without-publish-ahead') return { mayActivateAt: (publishedAt: number) => publishedAt }
  if (mutation === 'without-retain-after-retire') return { removeRetiredAt: (retiredAt: number) => retiredAt }
  return {}
}

export const mutated = {
  client: (client: KubeClient, storage: Storage): KubeClient =>
    current === 'without-compare-and-swap' ? blindWrites(client, storage) : client,
  publicKeys: (store: PublicKeyStore): { store: PublicKeyStore; afterRun: () => Promise<void> } =>
    current === 'sign-before-publish' ? latePublication(store) : { store, afterRun: async () => undefined },
}

/** The last writer wins. */
function blindWrites(client: KubeClient, storage: Storage): KubeClient {
  const forced = <T extends KubeObject>(plural: string, object: T): T => {
    const live = storage.list(plural).find(({ metadata: { namespace, name } }) => {
      return namespace === object.metadata.namespace && name === object.metadata.name
    })
    const { resourceVersion = '', uid = '' } = live?.metadata ?? object.metadata
    return { ...object, metadata: { ...object.metadata, resourceVersion, uid } }
  }
  return {
    ...client,
    create: (resource, object) =>
      client.create(resource, object).catch((error: unknown) => {
        if (!(error instanceof KubeError && error.isAlreadyExists)) throw error
        return client.replace(resource, forced(resource.plural, object))
      }),
    replace: (resource, object, options) => client.replace(resource, forced(resource.plural, object), options),
    delete: (resource, ref) => client.delete(resource, ref),
  }
}

/** Public halves are stored when everything else has been written. */
function latePublication(store: PublicKeyStore): { store: PublicKeyStore; afterRun: () => Promise<void> } {
  let late: (() => Promise<void>) | undefined
  let shown: PublishedKeys | undefined
  return {
    store: {
      get: (identity) => shown ?? store.get(identity),
      fetch: async (identity, signal) => shown ?? store.fetch(identity, signal),
      put: async (identity, previous, wanted, signal) => {
        shown = { ...wanted, version: previous?.version ?? '' }
        late = async () => {
          await store.put(identity, store.get(identity), wanted, signal)
        }
        return shown
      },
      remove: (identity, signal, uid) => store.remove(identity, signal, uid),
    },
    afterRun: async () => {
      const put = late
      late = shown = undefined
      await put?.()
    },
  }
}
