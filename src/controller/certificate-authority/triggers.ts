import type { KeySink, Trigger } from '../runtime/triggers.ts'
import { caSetKey } from './reconciler.ts'

interface Sources {
  readonly certificates: Trigger<unknown>
  readonly mutating: Trigger<unknown>
  readonly validating: Trigger<unknown>
}

/** CA, serving certificates and caBundles are reconciled at the start, and when one of them changes. */
export function triggers({ certificates, mutating, validating }: Sources, queue: KeySink): void {
  for (const source of [certificates, mutating, validating]) {
    source.onEvent(() => queue.add(caSetKey))
  }
  queue.add(caSetKey)
}
