import { revokeKeyAnnotation, rotateKeyAnnotation } from '../../identity/workload.ts'
import { keyIDForm } from '../../keys/public-jwk.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { WantedKeys } from '../../policy/signing-key.ts'

/** What users request of the issuing keys. */
type KeyRequests = Pick<WantedKeys, 'rotationRequest'> & { readonly revoked: ReadonlySet<string> }

/**
 * Reads the requests from the annotations of the public ConfigMap, because writing them needs no right to read private
 * keys. Commas separate several kids; text that is not a kid is ignored.
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
