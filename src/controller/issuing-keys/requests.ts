import { revokeKeyAnnotation, rotateKeyAnnotation } from '../../identity/workload.ts'
import { keyIDForm } from '../../keys/public-jwk.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { WantedKeys } from '../../policy/signing-key.ts'

/** What people ask of the authority's keys. */
type KeyRequests = Pick<WantedKeys, 'rotationRequest'> & { readonly revoked: ReadonlySet<string> }

/**
 * Reads the annotations of the public ConfigMap: whoever may write them needs no right to read a private key. Several
 * kids are separated by commas; what is no kid names no key.
 */
export function keyRequests(configMap: KubeObject | undefined): KeyRequests {
  const annotations = configMap?.metadata.annotations ?? {}
  const rotationRequest = annotations[rotateKeyAnnotation]
  const kids = (annotations[revokeKeyAnnotation] ?? '').split(',').map((kid) => kid.trim())
  return {
    ...(rotationRequest === undefined ? {} : { rotationRequest }),
    revoked: new Set(kids.filter((kid) => keyIDForm.test(kid))),
  }
}
