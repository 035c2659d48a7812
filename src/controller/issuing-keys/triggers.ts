import { isAuthority } from '../../identity/key-owner.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import { annotatedOwner } from '../../kube/keys/owner-annotations.ts'
import type { KeySink, Trigger } from '../runtime/triggers.ts'
import { issuingKeysKey } from './reconciler.ts'

interface Sources {
  readonly keyRings: Trigger<KubeObject>
  readonly publicKeys: Trigger<KubeObject>
}

/** The issuing keys are reconciled at the start, and when another process changes their ring or public keys. */
export function triggers({ keyRings, publicKeys }: Sources, queue: KeySink): void {
  for (const source of [keyRings, publicKeys]) {
    source.onEvent(({ object, own }) => {
      const owner = own === true ? undefined : annotatedOwner(object)
      if (owner !== undefined && isAuthority(owner)) queue.add(issuingKeysKey)
    })
  }
  queue.add(issuingKeysKey)
}
