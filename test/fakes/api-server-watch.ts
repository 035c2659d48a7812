import type { KubeObject } from '../../src/kube/client/object.ts'
import { type Change, Refusal, type Selection, selects, type Storage } from './api-server-storage.ts'

/** What one watch sends, as an API server does: from where to start, what a selector hides, bookmarks, its end. */
export interface WatchOptions extends Selection {
  readonly collection: string
  readonly resourceVersion: string | undefined
  readonly sendInitialEvents: boolean
  readonly bookmarks: boolean
  readonly bookmarkMs: number
  readonly timeoutMs: number
  /** Turns an object into what the client asked for. */
  readonly render: (object: KubeObject) => KubeObject
  readonly send: (event: { type: string; object: unknown }) => void
  readonly end: () => void
}

/** Starts it; call what it returns to stop. */
export function serveWatch(storage: Storage, options: WatchOptions): () => void {
  const { collection, render, send, end, resourceVersion } = options
  const bookmark = (annotations?: Record<string, string>) => {
    const metadata = { resourceVersion: String(storage.version), ...(annotations === undefined ? {} : { annotations }) }
    send({ type: 'BOOKMARK', object: { kind: 'Bookmark', apiVersion: 'v1', metadata } })
  }
  const tell = (change: Change) => {
    if (change.collection !== collection) return
    const now = change.type !== 'DELETED' && selects(options, change.object)
    const before = change.previous !== undefined && selects(options, change.previous)
    if (!now && !before) return
    const type = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED'
    send({ type, object: render(change.object) })
  }
  const fromStart = options.sendInitialEvents || resourceVersion === undefined || ['', '0'].includes(resourceVersion)
  if (fromStart) {
    for (const object of storage.list(collection, options)) send({ type: 'ADDED', object: render(object) })
    if (options.sendInitialEvents) bookmark({ 'k8s.io/initial-events-end': 'true' })
  } else if (Number(resourceVersion) < storage.compacted) {
    const text = `too old resource version: ${resourceVersion} (${storage.version})`
    send({ type: 'ERROR', object: new Refusal(410, 'Expired', text).body })
    end()
    return () => undefined
  } else {
    for (const change of storage.history) if (change.version > Number(resourceVersion)) tell(change)
  }
  const unsubscribe = storage.onChange(tell)
  const ticking = options.bookmarks ? setInterval(bookmark, options.bookmarkMs) : undefined
  const stop = () => {
    unsubscribe()
    clearInterval(ticking)
    clearTimeout(ending)
  }
  const ending = setTimeout(() => {
    stop()
    if (options.bookmarks) bookmark()
    end()
  }, options.timeoutMs)
  return stop
}
